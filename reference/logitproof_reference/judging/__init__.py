"""How an answer compares with the exact one, and which accuracy class it shows."""
