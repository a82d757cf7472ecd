"""What a run leaves behind: its schema, file, journal and shards, and the environment it was made in."""
