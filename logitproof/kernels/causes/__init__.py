"""Guesses of the cause of a fault: answers of kernels with exactly one fault, compared with those given."""
