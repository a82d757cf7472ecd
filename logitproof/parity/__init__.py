"""Parity of two sides that compute the same log-probabilities: a trainer and a server, two frameworks, two files."""
