"""A run as columns, counted: tallies, the worst judgements, the verdict."""
