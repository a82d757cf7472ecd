"""The atlas: records of exhaustive sweeps and of worst rows, compared, and written as a page."""
