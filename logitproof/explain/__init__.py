"""One cell, row by row: inputs, exact answer, observed answer and bound."""
