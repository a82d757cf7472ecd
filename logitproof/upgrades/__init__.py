"""Trials of an upgrade: both sides run, compared, bisected and ruled by a policy."""
