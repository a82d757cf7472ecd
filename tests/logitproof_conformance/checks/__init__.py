"""Checks besides accuracy: laws, modes, refusals, label formats, rows alone, padded and differentiated twice."""
