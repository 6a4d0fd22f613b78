"""Fulfillment systems that only pretend, each a real HTTP server on a port of its own.

They behave as good systems should: they authenticate, want an idempotency key on every call that changes
something, have the effect of a call once however often it is sent, remember everything across a restart,
and tell the connector later what became of a request, until it has accepted the message. And they behave as
real systems do: they are slow, they fail at first, they say no.

- `memory`: what one system remembers, in SQLite; one transaction a call.
- `guard`: who may call. `calls`: a call and its answer.
- `server`: the HTTP side that all have in common. `messages`: what goes to the connector.
- `warehouse`, `network`, `serviceability`, `workforce`, `billing`, `grid`, `metering`, `retail`: what each does.
"""
