"""Verdicts on kernels of ops outside the matrix: loss heads, losses of probabilities, and kin."""
