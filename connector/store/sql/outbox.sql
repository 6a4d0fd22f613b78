-- name: claim_lanes
-- Lanes with marks whose time has come that nobody is writing, those waiting longest first.
with ready as (
    select o.lane, min(o.marked_at) as since
    from outbox o
    where o.due_at <= now() and ($4::text[] is null or o.kind = any ($4::text[]))
      and not exists (select from lanes l where l.lane = o.lane and l.leased_until > now())
    group by o.lane
    order by min(o.marked_at)
    limit $1
)
insert into lanes (lane, owner, leased_until)
select lane, $2, now() + $3 from ready
on conflict (lane) do update set owner = excluded.owner, leased_until = excluded.leased_until
where lanes.leased_until <= now()
returning lane

-- name: marks
-- The marks of claimed lanes whose time has come, oldest first.
select lane, kind, key, order_id, seq, attempts
from outbox
where lane = any ($1::text[]) and due_at <= now() and ($3::text[] is null or kind = any ($3::text[]))
order by marked_at, seq
limit $2

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
