-- How long items of each kind took lately: what estimates go by once there is enough of it.

create table observed_durations (
    definition text not null,
    item_key text not null,
    observations bigint not null,
    recent double precision[] not null,   -- the newest ones, in seconds, unsorted
    p50 double precision not null,
    p90 double precision not null,
    updated_at timestamptz not null,
    primary key (definition, item_key)
);

create table observed_upto (              -- the orders that were finished until then have been counted
    only_one boolean primary key default true check (only_one),
    finished_at timestamptz not null
);
