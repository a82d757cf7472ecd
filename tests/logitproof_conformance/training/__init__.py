"""Small trainings of a framework compared with the exact one, and their judgements."""
