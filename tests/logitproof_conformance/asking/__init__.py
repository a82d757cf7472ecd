"""The framework is asked, and the exact answer computed beside it."""
