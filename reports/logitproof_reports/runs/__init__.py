"""Run files: their schema, file, journal and shards, and the environment of the run."""
