"""Invariance: whether the same row gives the same bits however it is asked."""
