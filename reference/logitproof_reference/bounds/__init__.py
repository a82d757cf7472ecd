"""Error bounds of correct implementations: the bounds B1 to B10, from assumptions on their arithmetic."""
