-- name: archived
-- Stands before `page` or `counts`, so that they see archived orders instead of the others.
with orders as (
    select a.order_id, a.number, a.account_id, a.finished_at, r.document, r.priority, r.state, r.status, r.message,
           r.items_total, r.items_done, r.created_at, r.updated_at, r.parked, r.set_hash, r.head
    from archived_orders a, jsonb_populate_record(null::orders, a.body -> 'order') r
)

-- name: page
-- Orders, one row each. After it stand `matching`, perhaps `open`, and one of the sequences.
select o.order_id, o.number, o.account_id, o.document #>> '{account,name}' as account, o.priority, o.state, o.status,
       o.message, o.items_total, o.items_done, o.created_at, o.updated_at, o.finished_at, o.parked,
       (o.document ->> 'requested_at')::timestamptz as requested_at,
       (o.head #>> '{forecast,completion}')::timestamptz as expected_at,
       case when o.head -> 'forecast' is not null then coalesce(o.head #>> '{forecast,jeopardy}', 'On Track')
       end as jeopardy,
       (select s.name from mapping_sets s where s.hash = o.set_hash) as set_name
from orders o
where true

-- name: matching
-- The conditions; null stands for: whatever. Texts are patterns of `ilike`.
and ($1::text[] is null or lower(o.status) = any ($1) or lower(o.state) = any ($1))
and ($2::smallint[] is null or o.priority = any ($2))
and ($3::text is null or o.account_id = $4 or o.document #>> '{account,name}' ilike $3)
and ($5::text is null or o.number ilike $5)
and ($6::text is null or o.set_hash = $6 or o.set_hash in (select s.hash from mapping_sets s where s.name = $6))
and ($7::timestamptz is null or o.created_at >= $7)
and ($8::timestamptz is null or o.created_at < $8)
and ($9::text is null
     or exists (select from json_array_elements(o.document -> 'lines') l where l ->> 'product' = $9)
     or exists (select from technical_lines t where t.order_id = o.order_id and t.body ->> 'product' = $9))
and (not $10::boolean or exists (
    select from fallouts f where f.order_id = o.order_id and f.resolved_at is null))
and ($11::text is null or o.message ilike $11 or exists (
    select from items i
    where i.order_id = o.order_id and i.state <> all ('{Completed,Skipped,Amended,Canceled,Discarded,FailedDiscarded}')
      and i.progress ->> 'waiting_for' ilike $11))
and ($12::timestamptz is null or (o.document ->> 'requested_at')::timestamptz < $12)
and ($13::text[] is null
     or o.head -> 'forecast' is not null and coalesce(o.head #>> '{forecast,jeopardy}', 'On Track') = any ($13))

-- name: open
-- Stands after `matching`: only orders that are not finished.
and o.finished_at is null

-- name: newest
and ($16::timestamptz is null or (o.created_at, o.order_id) < ($16, $15::text))
order by o.created_at desc, o.order_id desc
limit $14

-- name: oldest
and ($16::timestamptz is null or (o.created_at, o.order_id) > ($16, $15::text))
order by o.created_at, o.order_id
limit $14

-- name: finished
-- Those that are finished, the last one first.
and o.finished_at is not null
and ($16::timestamptz is null or (o.finished_at, o.order_id) < ($16, $15::text))
order by o.finished_at desc, o.order_id desc
limit $14

-- name: number
and ($16::text is null or (o.number, o.order_id) > ($16, $15::text))
order by o.number, o.order_id
limit $14

-- name: urgent
-- High before Default before Bulk, in each the one that waits longest.
and ($16::smallint is null or (o.priority, o.created_at, o.order_id) > ($16, $17::timestamptz, $15::text))
order by o.priority, o.created_at, o.order_id
limit $14

-- name: counts
-- How many orders match, by status; at most $14 are counted. After it stand `matching`, perhaps `open`, and `counts_end`.
select c.status, count(*) as orders
from (
    select o.status
    from orders o
    where true

-- name: counts_end
    limit $14
) as c
group by c.status
order by c.status

-- name: waits
-- What these orders wait for: of each the most urgent wait, and how many there are.
select distinct on (w.order_id) w.order_id, w.name, w.waiting_for, count(*) over (partition by w.order_id) as waits
from (
    select i.order_id, i.item_no, i.state, coalesce(i.spec ->> 'name', i.spec ->> 'key') as name,
           i.progress ->> 'waiting_for' as waiting_for
    from items i
    where i.order_id = any ($1::text[])
      and i.state <> all ('{Completed,Skipped,Amended,Canceled,Discarded,FailedDiscarded}')
) as w
where w.waiting_for is not null
order by w.order_id, w.state <> 'FatallyFailed', w.item_no

-- name: unread
-- Of these orders, those that Salesforce told of and that have not been read, and what stood in the way.
select n.record_id as order_id, n.problem
from intake n
where n.kind = 'order' and n.record_id = any ($1::text[]) and n.done_at is null
