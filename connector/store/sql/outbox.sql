-- name: claim_lanes
-- Lanes with marks whose time has come that nobody is writing (or whose writer has been dead for so long that nothing
-- of it is under way any more), those waiting longest first.
with taken as (
    select l.lane from lanes l join workers w on w.worker_id = l.owner
    where l.leased_until > now()
      and w.heartbeat > (select max(heartbeat) from workers) - make_interval(secs => $5)
), ready as (
    select o.lane, min(o.marked_at) as since
    from outbox o
    where o.due_at <= now() and ($4::text[] is null or o.kinds && $4::text[])
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

-- name: rows
-- What is behind in claimed lanes and whose time has come, oldest first.
select lane, seq, order_id, kinds, keys, attempts
from outbox
where lane = any ($1::text[]) and due_at <= now()
order by lane, seq
limit $2

-- name: add
-- Records to be written from some time on: put off, or found missing.
insert into outbox (lane, order_id, kinds, keys, due_at, attempts, problem)
select lane, order_id, array[kind], array[key], coalesce(due_at, now()), attempts, problem
from json_to_recordset($1::json) as s (
    lane text, order_id text, kind text, key text, due_at timestamptz, attempts int, problem text)

-- name: remove
-- These rows have been dealt with.
delete from outbox o
using unnest($1::text[], $2::bigint[]) as u (lane, seq)
where o.lane = u.lane and o.seq = u.seq

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
