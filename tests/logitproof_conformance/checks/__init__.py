"""Checks besides accuracy: laws, modes, refusals, label formats, single rows, padding, second backward passes."""
