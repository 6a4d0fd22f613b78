"""PostgreSQL: named SQL, migrations, and the transaction of a turn.

- `database`: the pool, and how a connection speaks JSON.
- `migrate`: brings a database to the schema that this release needs.
- `queries`: the named SQL of `sql/*.sql`.
- `codec`: model ↔ rows.
- `turns`: everything that a turn reads and writes, in few statements for many orders; `saving`: its rows.
- `pause`: long computations that don't hold up the event loop.
- `intake`, `outbox`, `work`, `sets`, `tracking`: one module for each other reader or writer of the tables.

Every primary key starts with the order's key, and no statement joins two orders' rows.
"""
