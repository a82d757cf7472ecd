"""The specification: SPEC.md, its clauses read from it as data, and the verdicts that they lead to."""
