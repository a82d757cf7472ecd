"""What reads runs and ledgers and tells of them: reports, histories, findings, dialects, claims."""
