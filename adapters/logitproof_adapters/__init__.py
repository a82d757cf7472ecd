"""The frameworks under test: one adapter per framework, the contract, the registry, the ledgers of known deviations."""
