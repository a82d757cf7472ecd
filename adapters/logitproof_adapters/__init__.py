"""Who is asked: one small adapter a framework, the contract, the registry, the ledgers of known deviations."""
