"""Arithmetic with rigorous errors: double-double numbers, balls, exponential and logarithm, enclosures."""
