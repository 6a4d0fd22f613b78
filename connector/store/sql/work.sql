-- name: beat
-- This worker is alive. If it could not say so for a while, the others could not either (the database was away):
-- then the silence of all counts from now on, so that nobody takes the work of those who live.
with heard as (
    select worker_id from workers
    where worker_id = $1
       or exists (select from workers w where w.worker_id = $1 and w.heartbeat < now() - make_interval(secs => $3))
    order by worker_id
    for update
), touched as (
    update workers w set heartbeat = now() from heard where w.worker_id = heard.worker_id returning w.worker_id
)
insert into workers (worker_id, host)
select $1, $2 where not exists (select from touched where worker_id = $1)
on conflict (worker_id) do update set heartbeat = now()

-- name: adopt
-- Take over the requests of workers that have been silent for some seconds while others were heard (or that are gone).
with orphans as (
    select w.order_id, w.item_no
    from work w left join workers o on o.worker_id = w.owner
    where w.owner is not null and w.owner <> $1
      and (o.worker_id is null or o.heartbeat < (select max(heartbeat) from workers) - make_interval(secs => $2))
    limit $3
    for update of w skip locked
)
update work w
set owner = $1
from orphans
where w.order_id = orphans.order_id and w.item_no = orphans.item_no
returning w.order_id, w.item_no, w.epoch, w.attempt, w.interface, w.set_hash, w.priority, w.awaits_event, w.request

-- name: mine
-- The requests that this worker owns.
select order_id, item_no, epoch, attempt, interface, set_hash, priority, awaits_event, request
from work
where owner = $1

-- name: leave
-- This worker stops: what it still owns may be taken over at once.
delete from workers where worker_id = $1

-- name: bury
-- Forget workers that have been silent for an hour and own nothing.
delete from workers o
where heartbeat < now() - interval '1 hour' and not exists (select from work w where w.owner = o.worker_id)

-- name: workers
-- Every worker, with what it owns.
select w.worker_id as worker, w.host, w.started_at, w.heartbeat,
       extract(epoch from clock_timestamp() - w.heartbeat)::float8 as silent_seconds, w.draining_since,
       (select count(*) from work r where r.owner = w.worker_id)::int as requests,
       (select count(*) from lanes l where l.owner = w.worker_id and l.leased_until > now())::int as lanes,
       (select count(*) from intake i where i.owner = w.worker_id and i.done_at is null)::int as notices
from workers w
order by w.started_at, w.worker_id

-- name: drain
-- This worker is asked to end, or ends.
update workers set draining_since = coalesce(draining_since, now()) where worker_id = $1 returning draining_since

-- name: is_draining
select draining_since is not null from workers where worker_id = $1
