"""Saving records: what a field accepts, what an object demands, what happens when a record changes."""
