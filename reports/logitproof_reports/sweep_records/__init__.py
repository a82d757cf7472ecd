"""Records of sweeps and witnesses of searches: read, merged, summarised, compared, and shown as the atlas."""
