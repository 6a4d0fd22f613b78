"""The form of a mapping set's files: every key that may stand in them, by the part of the set."""
