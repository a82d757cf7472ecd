"""The page of a comparison of bits: parity of two sides, invariance of one."""
