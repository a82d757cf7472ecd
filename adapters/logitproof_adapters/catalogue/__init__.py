"""Which adapters there are, the ledgers of their known deviations, and which entries are expected on this machine."""
