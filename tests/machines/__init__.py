"""Other CPUs than this machine's, emulated: whether the ledgers hold there."""
