-- The first schema: orders and what belongs to them, the queues of events, work and writes.

create table mapping_sets (
    hash text primary key,
    name text not null,
    version text not null,
    files jsonb not null,
    stored_at timestamptz not null default now()
);

create table orders (
    order_id text primary key,
    number text not null default '',
    account_id text not null default '',
    priority smallint not null default 1,
    state text not null,
    status text not null,
    message text not null default '',
    set_hash text not null default '',
    revision bigint not null default 0,
    items_total int not null default 0,
    items_done int not null default 0,
    document jsonb,                       -- null: heard of, not read yet
    head jsonb not null default '{}',     -- problems, events that nothing waited for yet
    parked text,                          -- why no turn takes it: our bug, mended by an operator
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    finished_at timestamptz
);

create table technical_lines (
    order_id text not null,
    line_no int not null,
    body jsonb not null,
    primary key (order_id, line_no)
);

create table items (
    order_id text not null,
    item_no int not null,
    spec jsonb not null,                  -- what never changes
    state text not null,
    progress jsonb not null,              -- what does
    primary key (order_id, item_no)
);

create table explanations (
    order_id text primary key,
    body jsonb not null
);

create table inbox (
    order_id text not null,
    seq bigint generated always as identity,
    kind text not null,
    body jsonb not null,
    received_at timestamptz not null default now(),
    primary key (order_id, seq)
);

create table timers (
    order_id text not null,
    item_no int not null,
    kind text not null,
    epoch int not null,
    due timestamptz not null,
    primary key (order_id, item_no, kind)
);
create index timers_due on timers (due);

create table work (
    order_id text not null,
    item_no int not null,
    epoch int not null,
    attempt int not null,
    interface text not null,
    set_hash text not null,
    priority smallint not null,
    awaits_event boolean not null,
    request jsonb not null,
    owner text,                           -- null: not being sent now
    primary key (order_id, item_no)
);
create index work_owner on work (owner) where owner is not null;

create table workers (
    worker_id text primary key,
    host text not null,
    started_at timestamptz not null default now(),
    heartbeat timestamptz not null default now()
);

create table calls (
    order_id text not null,
    seq bigint generated always as identity,
    item_no int not null,
    epoch int not null,
    attempt int not null,
    interface text not null,
    method text not null,
    path text not null,
    idempotency_key text not null,
    status int,
    outcome text not null,
    code text,
    started_at timestamptz not null,
    seconds double precision not null,
    sendings int not null default 1,
    primary key (order_id, seq)
);

create table history (
    order_id text not null,
    seq bigint generated always as identity,
    at timestamptz not null,
    item_no int,
    what text not null,
    detail text not null default '',
    by_whom text not null default '',
    primary key (order_id, seq)
);

create table fallouts (
    order_id text not null,
    item_no int not null,                 -- 0: the order as a whole
    episode int not null,
    failure jsonb not null,
    queue text not null,
    severity text not null,
    suggestions text[] not null default '{}',
    attempts int not null default 0,
    raised_at timestamptz not null,
    resolved_at timestamptz,
    resolution text,
    resolved_by text,
    primary key (order_id, item_no, episode)
);

create table inventory (
    order_id text not null,
    line_no int not null,
    body jsonb not null,
    primary key (order_id, line_no)
);

create table command_answers (
    order_id text not null,
    command_id text not null,
    answer text not null,
    message text not null,
    answered_at timestamptz not null,
    primary key (order_id, command_id)
);

-- Records in Salesforce that are behind. A turn adds one row for all that it changed of an order; whoever writes
-- the lane reads its rows together, so that of a record only the last state is sent.
create table outbox (
    lane text not null,                   -- what is written in order: the order's id; for inventory the account's
    seq bigint generated always as identity,
    order_id text not null,
    kinds text[] not null,                -- of each record its kind…
    keys text[] not null,                 -- …and its key
    marked_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    attempts int not null default 0,
    problem text,
    primary key (lane, seq)
);
create index outbox_due on outbox (due_at);

create table lanes (                      -- who is writing a lane's records now
    lane text primary key,
    owner text not null,
    leased_until timestamptz not null
);

create table intake (
    kind text not null,                   -- order | command
    record_id text not null,
    order_id text,
    reason text not null default '',
    event_uuid text,
    received_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    attempts int not null default 0,
    problem text,
    owner text,                           -- who is reading it now
    done_at timestamptz,
    primary key (kind, record_id)
);
create index intake_waiting on intake (kind, due_at) where done_at is null;

create table positions (
    topic text primary key,
    position bytea not null,
    stored_at timestamptz not null default now()
);

create table malformed_events (
    seq bigint generated always as identity primary key,
    topic text not null,
    event_uuid text not null,
    payload text not null,
    reason text not null,
    received_at timestamptz not null
);
