"""Platform events: a durable log that subscribers read from any position of the last 72 hours, and CometD over it."""
