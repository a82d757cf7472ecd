"""Records of sweeps and witnesses of searches: read, merged, summed up, compared, and written as a page, the atlas."""
