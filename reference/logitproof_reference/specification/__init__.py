"""The specification: one page, SPEC.md, and its clauses read from it as data."""
