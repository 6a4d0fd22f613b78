"""The record store: everything in memory for speed, every commit in SQLite so that the org survives a restart."""
