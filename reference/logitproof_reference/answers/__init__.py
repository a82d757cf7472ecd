"""Exact answers and bounds by content: each computed once, kept in memory and on disk."""
