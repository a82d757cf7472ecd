"""Exhaustive sweeps over two logits: units of rows, certification, workers, and records."""
