"""Rows on which kernels break, and the ways of calling a kernel."""
