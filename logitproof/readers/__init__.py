"""Commands that read runs and ledgers: reports, histories, findings, dialects, claims."""
