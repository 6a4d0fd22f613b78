-- What people have paused, the requests that wait for that (or for another worker), and workers that are asked to end.

create table pauses (
    kind text not null check (kind in ('system', 'interface', 'plan')),
    name text not null,
    reason text not null,
    by_whom text not null,
    since timestamptz not null default now(),
    until timestamptz,                    -- null: until somebody resumes it
    primary key (kind, name)
);

-- Requests of `work` that nobody sends now. A row counts while its request is the item's present one and has no owner.
create table held_requests (
    order_id text not null,
    item_no int not null,
    epoch int not null,
    attempt int not null,
    interface text not null,
    priority smallint not null,
    why text not null,                    -- paused | left: by a worker that ended before it sent it
    sent_before boolean not null,         -- another worker may have sent it
    held_at timestamptz not null default now(),
    primary key (order_id, item_no)
);
create index held_requests_next on held_requests (why, priority, held_at);

alter table orders add column paused_at timestamptz;
create index orders_paused on orders (paused_at) where paused_at is not null;
create index timers_of_pauses on timers (order_id, item_no) where kind = 'pause';

alter table workers add column draining_since timestamptz;

-- How much of a rate that all workers share is left.
create table rates (
    name text primary key,
    level double precision not null,
    granted int not null,                 -- at the last request
    at timestamptz not null
);
