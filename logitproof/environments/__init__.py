"""Environments for frameworks: built with uv, cached and locked."""
