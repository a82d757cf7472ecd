"""Adapters whose question is source text: the base class, what is unsupported, kernels, trainers."""
