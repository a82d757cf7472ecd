"""What stands in front of an op: exactly, as correct code may compute it, and its derivative pulled back through it."""
