"""From an answer to a judgement: the rules of the clauses, second answers, and the ledger's expectations."""
