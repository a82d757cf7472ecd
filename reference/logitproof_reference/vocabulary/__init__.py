"""The vocabulary of all packages: cells, number formats, judgements and their severity."""
