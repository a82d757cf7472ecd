"""The report on one run: the contents of its pages, and the file."""
