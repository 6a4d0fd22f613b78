-- Versions of an order: which plan an order's id belongs to, and what was installed when the plan began.

create table revisions (
    order_id text primary key,
    plan_id text not null,                -- the first version's id
    number text not null default '',
    routed_at timestamptz not null default now()
);
create index revisions_plan on revisions (plan_id);
create index revisions_number on revisions (number);

alter table orders add column as_is json;
