"""Which adapters there are, and the ledgers of their known deviations."""
