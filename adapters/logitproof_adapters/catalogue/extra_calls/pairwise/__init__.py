"""Calls derived from tables: every pair of values of the arguments of a function occurs in a call."""
