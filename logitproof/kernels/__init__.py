"""Checks of user-defined kernels: `logitproof.check` and its verdict."""
