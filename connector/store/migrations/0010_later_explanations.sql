-- What was decided about an order after it was decomposed first: a plan that grew, a rule that never fired.

create table later_explanations (
    order_id text not null,
    seq bigint generated always as identity,
    explained_at timestamptz not null,
    body json not null,
    primary key (order_id, seq)
);
