-- name: history
-- What happened to orders since a place in the history, oldest first.
select h.seq, h.order_id, o.number, h.at, h.item_no, i.spec ->> 'name' as item, h.what, h.detail, h.by_whom
from history h
join orders o using (order_id)
left join items i on i.order_id = h.order_id and i.item_no = h.item_no
where h.seq > $1
order by h.seq
limit $2

-- name: calls
-- Attempts of callouts, counted by system.
select split_part(interface, '.', 1) as system, count(*) as attempts, sum(sendings)::bigint as sendings,
       count(*) filter (where attempt > 1)::bigint as retries,
       count(*) filter (where outcome not in ('completed', 'accepted'))::bigint as failed
from calls
group by 1
order by 1

-- name: pending_writes
-- Records in Salesforce that are behind.
select coalesce(sum(cardinality(keys)), 0) from outbox

-- name: known_orders
select order_id from orders where document is not null
