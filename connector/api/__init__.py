"""The connector's HTTP face: messages from fulfillment systems, order tracking, health."""
