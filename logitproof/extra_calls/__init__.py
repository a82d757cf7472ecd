"""The calls that no cell covers: their exact answers, and what a framework answers, as records of a run."""
