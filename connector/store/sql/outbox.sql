-- name: claim_lanes
-- Lanes with marks whose time has come that nobody is writing (or whose writer has been dead for so long that nothing
-- of it is under way any more): those of urgent orders first, but every third the one that waits longest.
with taken as (
    select l.lane from lanes l join workers w on w.worker_id = l.owner
    where l.leased_until > now()
      and w.heartbeat > (select max(heartbeat) from workers) - make_interval(secs => $5)
), open as (
    select o.lane, min(o.rank) as rank, min(o.marked_at) as since
    from outbox o
    where o.due_at <= now() and ($4::text[] is null or o.kinds && $4::text[])
      and not exists (select from taken t where t.lane = o.lane)
    group by o.lane
), ready as (
    select lane, min(place) as place
    from (
        select lane, row_number() over (order by rank, since) as place from open
        union all
        select lane, 3 * row_number() over (order by since) from open
    ) as places
    group by lane
    order by min(place)
    limit $1
)
insert into lanes (lane, owner, leased_until)
select lane, $2, now() + $3 from ready order by place
on conflict (lane) do update set owner = excluded.owner, leased_until = excluded.leased_until
where not exists (
    select from workers w
    where w.worker_id = lanes.owner and lanes.leased_until > now()
      and w.heartbeat > (select max(heartbeat) from workers) - make_interval(secs => $5)
)
returning lane

-- name: rows
-- What is behind in claimed lanes and whose time has come: lane after lane, in the order given, oldest first.
select o.lane, o.seq, o.order_id, o.kinds, o.keys, o.attempts
from unnest($1::text[]) with ordinality as c (lane, place) join outbox o using (lane)
where o.due_at <= now()
order by c.place, o.seq
limit $2

-- name: add
-- Records to be written from some time on: put off, or found missing.
insert into outbox (lane, order_id, rank, kinds, keys, due_at, attempts, problem)
select lane, order_id, coalesce((select o.priority from orders o where o.order_id = s.order_id), 1), array[kind],
       array[key], coalesce(due_at, now()), attempts, problem
from json_to_recordset($1::json) as s (
    lane text, order_id text, kind text, key text, due_at timestamptz, attempts int, problem text)

-- name: remove
-- These rows have been dealt with.
delete from outbox o
using unnest($1::text[], $2::bigint[]) as u (lane, seq)
where o.lane = u.lane and o.seq = u.seq

-- name: release
-- Let go of lanes; who waits for one of them to be written, to read what was written there, should look.
with released as (
    delete from lanes where lane = any ($1::text[]) and owner = $2
)
select pg_notify('connector_intake', '')
where exists (select from intake where after_lane = any ($1::text[]) and done_at is null)

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
select command_id, answer, message, result, answered_at from command_answers where order_id = any ($1::text[])

-- name: inventory
select order_id, line_no, body from inventory where order_id = any ($1::text[])
