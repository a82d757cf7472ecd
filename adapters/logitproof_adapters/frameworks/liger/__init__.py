"""Liger Kernel."""
