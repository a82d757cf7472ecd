"""The frameworks, a folder each: adapter, expressions, trainer and dialect.

Dialects are read in the documentation and docstrings of the releases that are judged; what those leave open and a call
shows is "(observed)".
"""
