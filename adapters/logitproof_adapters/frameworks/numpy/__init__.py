"""NumPy, the control."""
