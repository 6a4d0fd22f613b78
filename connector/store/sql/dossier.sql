-- name: find
-- The orders that have this Id or one of these numbers, or a version that has; archived or not.
select o.order_id, o.number, false as archived from orders o where o.order_id = $1
union
select o.order_id, o.number, false from orders o where o.number = any ($2::text[])
union
select a.order_id, a.number, true from archived_orders a where a.order_id = $1
union
select a.order_id, a.number, true from archived_orders a where a.number = any ($2::text[])
union
select r.plan_id, r.number, false from revisions r where r.order_id = $1 or r.number = any ($2::text[])

-- name: as_it_was
-- Stands before a query below, so that it sees an archived order instead of the others.
with archived as (
    select body, archived_at, jsonb_build_object('order_id', order_id) as key from archived_orders where order_id = $1
), orders as (
    select r.* from archived, jsonb_populate_record(null::orders, body -> 'order') r
), history as (
    select r.* from archived, jsonb_populate_recordset(jsonb_populate_record(null::history, key), body -> 'history') r
), calls as (
    select r.* from archived, jsonb_populate_recordset(jsonb_populate_record(null::calls, key), body -> 'calls') r
), fallouts as (
    select r.*
    from archived, jsonb_populate_recordset(jsonb_populate_record(null::fallouts, key), body -> 'fallouts') r
), command_answers as (
    select r.*
    from archived,
         jsonb_populate_recordset(jsonb_populate_record(null::command_answers, key), body -> 'command_answers') r
), explanations as (
    select key ->> 'order_id' as order_id, nullif(body -> 'explanation', 'null') as body from archived
), later_explanations as (
    select r.*
    from archived, jsonb_populate_recordset(jsonb_populate_record(null::later_explanations, key),
                                            coalesce(body -> 'later_explanations', '[]')) r
)

-- name: head
select o.order_id, o.number, o.status, o.parked, o.created_at, o.updated_at, s.name as set_name, s.version as set_version,
       (select count(*) from inbox i where i.order_id = $1) as events_waiting,
       (select coalesce(sum(cardinality(b.keys)), 0) from outbox b where b.lane = $1) as records_behind,
       (select coalesce(n.problem, '') from intake n
        where n.kind = 'order' and n.record_id = $1 and n.done_at is null) as unread,
       (select a.archived_at from archived_orders a where a.order_id = $1) as archived_at,
       (select count(*) from history h where h.order_id = $1) as history_total
from orders o left join mapping_sets s on s.hash = o.set_hash
where o.order_id = $1

-- name: revision
-- Changes whenever the order does.
select o.revision, o.parked, (select count(*) from inbox i where i.order_id = $1) as events,
       (select count(*) from outbox b where b.lane = $1) as marks,
       (select count(*) from held_requests h where h.order_id = $1) as held
from orders o
where o.order_id = $1

-- name: history
-- The last things that happened, the newest first; null: all.
select h.seq, h.at, h.item_no, h.what, h.detail, h.by_whom
from history h
where h.order_id = $1
order by h.seq desc
limit $2

-- name: last_seen
-- When something last happened to each of these items.
select h.item_no, max(h.at) as at
from history h
where h.order_id = $1 and h.item_no = any ($2::int[])
group by h.item_no

-- name: calls
-- Attempts of callouts, oldest first.
select c.item_no, c.epoch, c.attempt, c.interface, c.method, c.path, c.idempotency_key, c.status, c.outcome, c.code,
       c.started_at, c.seconds, c.sendings
from calls c
where c.order_id = $1
order by c.seq

-- name: fallouts
-- Every time that people were called for help, oldest first.
select f.item_no, f.episode, f.failure, f.queue, f.severity, f.suggestions, f.attempts, f.raised_at, f.resolved_at,
       f.resolution, f.resolved_by
from fallouts f
where f.order_id = $1
order by f.raised_at, f.item_no, f.episode

-- name: answers
-- What became of commands, oldest first.
select a.command_id, a.answer, a.message, a.answered_at
from command_answers a
where a.order_id = $1
order by a.answered_at, a.command_id

-- name: explanation
-- What was decided about the order, at first and later.
select e.body::text, 0 as seq from explanations e where e.order_id = $1
union all
select l.body::text, l.seq from later_explanations l where l.order_id = $1
order by seq
