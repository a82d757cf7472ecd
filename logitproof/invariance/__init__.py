"""Invariance: whether the same row gives the same bits under every way of calling."""
