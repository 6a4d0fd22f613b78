"""What kinds of records the org has: standard objects from a data file, everything else from deployed metadata."""
