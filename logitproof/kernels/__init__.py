"""Checks of functions of one's own: `logitproof.check` and its verdict."""
