"""Calls beside the matrix, in each framework's own words: inputs, options and behaviour that no cell covers."""
