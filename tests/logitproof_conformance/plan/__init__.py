"""The plan of a run: its cells, checks and batches, made before any framework is called."""
