"""The REST API under `/services/data`, the token endpoint, and the org's own back door under `/localorg/`."""
