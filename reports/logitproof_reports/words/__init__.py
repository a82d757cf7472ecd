"""The words of all reports: outcomes, terms, dialects, links and Markdown."""
