"""A run of the matrix: a runner per framework, its progress, its recovery, its result."""
