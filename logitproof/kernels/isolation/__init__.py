"""A kernel in a process of its own: limits, protection of the judge, and who cheats."""
