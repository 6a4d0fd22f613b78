"""From checked YAML nodes to the parts of the compiled set. Each part reports what does not fit and goes on."""
