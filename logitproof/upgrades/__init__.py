"""Upgrades: both sides run, compared, bisected and judged by a policy."""
