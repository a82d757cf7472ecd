"""What is judged: the cells, the checks and the batches of a run, planned before anything is asked."""
