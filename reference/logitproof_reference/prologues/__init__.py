"""What precedes an op: exactly, in floating-point with an error bound, and its pull-back."""
