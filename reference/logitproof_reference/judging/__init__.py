"""Comparison of an answer with the exact one, and the accuracy class that it shows."""
