"""The results: run files, summaries for the terminal and CI, and the HTML report."""
