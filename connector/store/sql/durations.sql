-- name: alone
-- One worker at a time, for the length of a transaction.
select pg_try_advisory_xact_lock($1, $2)

-- name: known
-- What was observed of each kind of item.
select definition, item_key, observations, p50, p90 from observed_durations

-- name: finished
-- The next orders that were finished, and have not been counted; all of those that were finished at the same moment.
select order_id, set_hash, finished_at
from orders
where finished_at > coalesce((select finished_at from observed_upto), '-infinity') and finished_at <= $1
  and state = 'Completed'
order by finished_at
fetch first $2 rows with ties

-- name: items
-- How long their items took that took any time.
select order_id, spec ->> 'definition' as definition, spec ->> 'key' as item_key,
       (progress ->> 'started_at')::timestamptz as started_at, (progress ->> 'finished_at')::timestamptz as finished_at
from items
where order_id = any ($1::text[]) and state = 'Completed'
  and spec ->> 'type' in ('callout', 'manual', 'event', 'subplan')
  and progress ->> 'started_at' is not null and progress ->> 'finished_at' is not null

-- name: recent
-- The newest observations of these kinds of items.
select o.definition, o.item_key, o.observations, o.recent
from observed_durations o
join unnest($1::text[], $2::text[]) as k (definition, item_key)
  on k.definition = o.definition and k.item_key = o.item_key

-- name: keep
-- What is now known of one kind of item.
insert into observed_durations (definition, item_key, observations, recent, p50, p90, updated_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (definition, item_key) do update
set observations = excluded.observations, recent = excluded.recent, p50 = excluded.p50, p90 = excluded.p90,
    updated_at = excluded.updated_at

-- name: counted
-- The orders that were finished until then have been counted.
insert into observed_upto (finished_at) values ($1)
on conflict (only_one) do update set finished_at = excluded.finished_at
