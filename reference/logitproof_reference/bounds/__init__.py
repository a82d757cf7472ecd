"""How far a correct implementation may be off: the bounds B1 to B9, from assumptions on its arithmetic."""
