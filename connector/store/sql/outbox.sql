-- name: claim_lanes
-- Lanes with marks whose time has come that nobody is writing (or whose writer is dead), those waiting longest first.
with taken as (
    select l.lane from lanes l join workers w on w.worker_id = l.owner
    where l.leased_until > now()
      and w.heartbeat > (select max(heartbeat) from workers) - make_interval(secs => $5)
), ready as (
    select o.lane, min(o.marked_at) as since
    from outbox o
    where o.due_at <= now() and ($4::text[] is null or o.kind = any ($4::text[]))
      and not exists (select from taken t where t.lane = o.lane)
    group by o.lane
    order by min(o.marked_at)
    limit $1
)
insert into lanes (lane, owner, leased_until)
select lane, $2, now() + $3 from ready
on conflict (lane) do update set owner = excluded.owner, leased_until = excluded.leased_until
where not exists (
    select from workers w
    where w.worker_id = lanes.owner and lanes.leased_until > now()
      and w.heartbeat > (select max(heartbeat) from workers) - make_interval(secs => $5)
)
returning lane

-- name: marks
-- The marks of claimed lanes whose time has come, parents before children, then oldest first.
select lane, kind, key, order_id, seq, attempts
from outbox
where lane = any ($1::text[]) and due_at <= now()
order by array_position(array['request', 'plan', 'line', 'item'], kind) nulls last, seq
limit $2

-- name: mark_missing
-- Parents that Salesforce lacks are to be written (again).
insert into outbox (lane, kind, key, order_id, seq)
select u.lane, u.kind, u.key, u.order_id, nextval('outbox_seq')
from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u (lane, kind, key, order_id)
on conflict (lane, kind, key) do nothing

-- name: written
-- These states are in Salesforce: the mark goes, unless the thing has changed since.
delete from outbox o
using unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as u (lane, kind, key, seq)
where o.lane = u.lane and o.kind = u.kind and o.key = u.key and o.seq = u.seq

-- name: postpone
update outbox o
set due_at = u.until, attempts = o.attempts + u.failed, problem = u.problem
from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::int[], $7::text[])
    as u (lane, kind, key, seq, until, failed, problem)
where o.lane = u.lane and o.kind = u.kind and o.key = u.key and o.seq = u.seq

-- name: release
delete from lanes where lane = any ($1::text[]) and owner = $2

-- name: let_go
-- Whatever this worker was writing, it is not any more.
delete from lanes where owner = $1

-- name: next_due
-- When the next mark may be claimed; null when there is none.
select min(due_at) from outbox

-- name: note
insert into history (order_id, at, what, detail)
select u.order_id, now(), u.what, u.detail from unnest($1::text[], $2::text[], $3::text[]) as u (order_id, what, detail)

-- name: fallouts
select order_id, item_no, episode, failure, queue, severity, suggestions, attempts, raised_at,
       resolved_at, resolution, resolved_by
from fallouts
where order_id = any ($1::text[])

-- name: answers
select order_id, command_id, answer, message, answered_at from command_answers where order_id = any ($1::text[])

-- name: inventory
select order_id, line_no, body from inventory where order_id = any ($1::text[])
