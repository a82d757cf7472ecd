"""Documented bugs, replayed: the unchanged suite is red on the release that has one and green on the one without."""
