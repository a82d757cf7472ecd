"""The search for the worst row of a function: starts, changes, scores, and the witness."""
