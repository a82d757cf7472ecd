"""Claims of the literature that can be tried: each with its trial and the answers found."""
