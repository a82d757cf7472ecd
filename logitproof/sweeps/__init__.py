"""Exhaustive sweeps over two logits: units of rows, what certifies them, who works on them, and their records."""
