"""A run of the matrix: a worker process a framework, its progress, its recovery, its result."""
