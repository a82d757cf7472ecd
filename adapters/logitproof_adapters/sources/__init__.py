"""Adapters that call their framework by source text: the base class, unsupported cells, arrays, trainers."""
