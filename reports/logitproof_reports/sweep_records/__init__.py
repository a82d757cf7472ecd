"""Records of sweeps: their files, how the shards of one sweep are merged, and what a record holds of a function."""
