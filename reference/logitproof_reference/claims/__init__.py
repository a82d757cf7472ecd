"""Testable claims from tutorials and documentation: each with its trial and the recorded answers."""
