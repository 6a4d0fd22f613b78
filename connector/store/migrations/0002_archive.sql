-- Finished orders leave the tables that turns work on: one row each, with all that was known of them.

create table archived_orders (
    order_id text primary key,
    number text not null,
    account_id text not null,
    finished_at timestamptz not null,
    archived_at timestamptz not null default now(),
    body jsonb not null                   -- the rows it was made of, by table; PostgreSQL compresses it by itself
);
create index archived_orders_finished on archived_orders (finished_at);

create index orders_finished on orders (finished_at) where finished_at is not null;
create index intake_commands on intake (order_id) where kind = 'command';
