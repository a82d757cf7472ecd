"""The judge's side of a target: what it is, the process, the pipe, and the adapter that stands for the one there."""
