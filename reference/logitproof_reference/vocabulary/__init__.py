"""The words that every other package speaks: cells, number formats, judgements and their severity."""
