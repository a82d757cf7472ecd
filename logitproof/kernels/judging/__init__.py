"""From a kernel's answers to what is wrong with them: exact answers, bounds, and what is refused."""
