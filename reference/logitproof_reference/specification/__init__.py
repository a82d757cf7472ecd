"""The specification: one page, SPEC.md, its clauses read from it as data, and the verdicts that they lead to."""
