"""The faults that are shown: shrunk, put into sentences, joined to a verdict."""
