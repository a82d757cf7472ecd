"""One session of pytest: what is collected, recorded, and which clauses it is about."""
