"""A session of the matrix: cases, recording, and the clauses that they test."""
