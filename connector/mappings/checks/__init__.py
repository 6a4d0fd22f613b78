"""What only the whole set can tell: names inside expressions, rings, ties, gaps, and what nothing uses."""
