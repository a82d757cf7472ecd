"""Small trainings of a framework beside the exact one, and their judgements."""
