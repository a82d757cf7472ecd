"""The regimes: families of rows, each with what its rows are for and the clause that they serve."""
