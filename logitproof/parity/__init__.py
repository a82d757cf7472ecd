"""Parity of two sides that compute the same log-probabilities: trainer and server, two frameworks, two files."""
