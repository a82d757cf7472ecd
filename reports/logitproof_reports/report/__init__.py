"""The report on one run: what each of its pages shows, and the file."""
