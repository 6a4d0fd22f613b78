"""Where rooms that must not know each other meet: the store and the machine, as the edges see them.

Each class here implements ports that an edge has declared; only the composition root uses them.

- `salesforce`: the intake, the outbox and what is known, for `connector.sf`.
- `api`: inbox, order tracking and health, for `connector.api`.
"""
