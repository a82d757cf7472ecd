"""A run in the formats of other programs: JUnit, SARIF, a badge, a summary."""
