-- name: position
select position from positions where topic = $1

-- name: keep_position
insert into positions (topic, position) values ($1, $2)
on conflict (topic) do update set position = excluded.position, stored_at = now()

-- name: hear
-- Notices; one about a thing that is waiting to be read already, or was, has no effect.
insert into intake (kind, record_id, order_id, reason, event_uuid, received_at)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
on conflict (kind, record_id) do nothing

-- name: show_orders
-- Orders heard of are shown at once, before they have been read; those that are archived, or revise another, have been.
insert into orders (order_id, state, status)
select u, 'NotStarted', 'Submitted' from unnest($1::text[]) as u
where not exists (select from archived_orders a where a.order_id = u)
  and not exists (select from revisions r where r.order_id = u)
on conflict (order_id) do nothing

-- name: keep_malformed
insert into malformed_events (topic, event_uuid, payload, reason, received_at)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])

-- name: claim
-- Unread notices whose time has come, or whose reader is dead, oldest first, for the length of a lease. Some wait until
-- what an order before them did to the inventory has been written.
update intake i
set due_at = now() + $3, owner = $4
from (
    select n.record_id from intake n left join workers w on w.worker_id = n.owner
    where n.kind = $1 and n.done_at is null
      and (n.due_at <= now() or (n.owner is not null
                                 and (w.worker_id is null
                                      or w.heartbeat < (select max(heartbeat) from workers)
                                                       - make_interval(secs => $5))))
      and (n.after_lane is null or not exists (select from outbox x where x.lane = n.after_lane))
    order by n.due_at
    limit $2
    for update of n skip locked
) as c
where i.kind = $1 and i.record_id = c.record_id
returning i.record_id, i.attempts

-- name: let_go
-- Whatever this worker was reading, it is not any more.
update intake set due_at = now(), owner = null where owner = $1 and done_at is null

-- name: deliver
insert into inbox (order_id, rank, kind, body)
select * from unnest($1::text[], $2::smallint[], $3::text[], $4::json[])

-- name: finish
update intake i
set done_at = now(), owner = null, order_id = coalesce(u.order_id, i.order_id), problem = u.problem
from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u (kind, record_id, order_id, problem)
where i.kind = u.kind and i.record_id = u.record_id

-- name: postpone
update intake
set due_at = $3, attempts = attempts + 1, problem = $4, owner = null
where kind = $1 and record_id = any ($2::text[]) and done_at is null

-- name: unknown_orders
select u from unnest($1::text[]) as u
where not exists (select from intake i where i.kind = 'order' and i.record_id = u)
  and not exists (select from orders o where o.order_id = u and o.document is not null)
  and not exists (select from revisions r where r.order_id = u)

-- name: unknown_commands
select u from unnest($1::text[]) as u
where not exists (select from intake i where i.kind = 'command' and i.record_id = u)

-- name: refuse_command
insert into command_answers (order_id, command_id, answer, message, answered_at)
values ($1, $2, 'Refused', $3, now())
on conflict (order_id, command_id) do update set message = excluded.message, answered_at = excluded.answered_at

-- name: mark_command
insert into outbox (lane, order_id, rank, kinds, keys) values ($1, $1, 0, array['command'], array[$2::text])

-- name: exists
-- Whether an order was heard of (what happens to it before it is read is kept), or (given a number) whether its plan
-- has that item; of an archived order it is not asked.
select exists (select from archived_orders where order_id = $1)
    or case when $2::int is null then exists (select from orders where order_id = $1)
                                      or exists (select from revisions where order_id = $1)
            else exists (select from items where order_id = $1 and item_no = $2) end

-- name: next_due
-- When the next notice may be claimed.
select min(due_at) from intake where kind = $1 and done_at is null

-- name: has_begun
-- Whether any notice was ever taken.
select exists (select from intake)
