"""The atlas: records of exhaustive sweeps and of worst rows, merged, compared, and written as a page."""
