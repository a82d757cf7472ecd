"""Kernels: user-defined functions, what their authors declare, and the adapter that calls them."""
