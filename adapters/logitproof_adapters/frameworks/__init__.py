"""The frameworks, a folder each: adapter, functions, trainer and dialect."""
