"""Calls the framework, and computes the exact answer beside it."""
