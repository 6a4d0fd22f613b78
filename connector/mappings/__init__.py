"""Mapping sets: YAML that people write, read into one immutable, compiled `MappingSet`."""
