-- name: alone
-- One worker at a time, for the length of a transaction.
select pg_try_advisory_xact_lock($1, $2)

-- name: ripe
-- Lock orders that have been finished for long enough and that nothing waits for any more, oldest first. Rejected ones
-- can be read again, and stay. What is found here is looked at once more under the lock: see `archive`.
select o.order_id
from orders o
where o.finished_at < $1 and o.state <> 'Rejected' and o.parked is null
  and not exists (select from inbox i where i.order_id = o.order_id)
  and not exists (select from timers t where t.order_id = o.order_id)
  and not exists (select from outbox m where m.order_id = o.order_id)
  and not exists (select from work w where w.order_id = o.order_id and w.owner is not null)
  and not exists (select from fallouts f where f.order_id = o.order_id and f.resolved_at is null)
  and not exists (select from intake n where n.kind = 'command' and n.order_id = o.order_id and n.done_at is null)
order by o.finished_at
limit $2
for update of o skip locked

-- name: archive
-- Make one row of all that is known of these orders, whose rows are locked, unless something has come for them.
insert into archived_orders (order_id, number, account_id, finished_at, body)
select o.order_id, o.number, o.account_id, o.finished_at, jsonb_build_object(
    'order', to_jsonb(o),
    'technical_lines', (select coalesce(jsonb_agg(to_jsonb(r) order by line_no), '[]')
                        from technical_lines r where r.order_id = o.order_id),
    'items', (select coalesce(jsonb_agg(to_jsonb(r) order by item_no), '[]')
              from items r where r.order_id = o.order_id),
    'explanation', (select r.body from explanations r where r.order_id = o.order_id),
    'later_explanations', (select coalesce(jsonb_agg(to_jsonb(r) - 'order_id' order by seq), '[]')
                           from later_explanations r where r.order_id = o.order_id),
    'history', (select coalesce(jsonb_agg(to_jsonb(r) - 'order_id' order by seq), '[]')
                from history r where r.order_id = o.order_id),
    'calls', (select coalesce(jsonb_agg(to_jsonb(r) - 'order_id' order by seq), '[]')
              from calls r where r.order_id = o.order_id),
    'fallouts', (select coalesce(jsonb_agg(to_jsonb(r) - 'order_id' order by item_no, episode), '[]')
                 from fallouts r where r.order_id = o.order_id),
    'inventory', (select coalesce(jsonb_agg(to_jsonb(r) - 'order_id' order by line_no), '[]')
                  from inventory r where r.order_id = o.order_id),
    'command_answers', (select coalesce(jsonb_agg(to_jsonb(r) - 'order_id' order by answered_at), '[]')
                        from command_answers r where r.order_id = o.order_id)
)
from orders o
where o.order_id = any ($1::text[]) and o.finished_at < $2 and o.state <> 'Rejected'
  and not exists (select from inbox i where i.order_id = o.order_id)
  and not exists (select from timers t where t.order_id = o.order_id)
  and not exists (select from outbox m where m.order_id = o.order_id)
returning order_id

-- name: clear
-- These orders are archived: nothing of them stays in the tables that turns work on.
with gone_lines as (delete from technical_lines where order_id = any ($1::text[])),
     gone_items as (delete from items where order_id = any ($1::text[])),
     gone_explanations as (delete from explanations where order_id = any ($1::text[])),
     gone_later_explanations as (delete from later_explanations where order_id = any ($1::text[])),
     gone_history as (delete from history where order_id = any ($1::text[])),
     gone_calls as (delete from calls where order_id = any ($1::text[])),
     gone_fallouts as (delete from fallouts where order_id = any ($1::text[])),
     gone_inventory as (delete from inventory where order_id = any ($1::text[])),
     gone_answers as (delete from command_answers where order_id = any ($1::text[])),
     gone_work as (delete from work where order_id = any ($1::text[])),
     gone_requests as (delete from held_requests where order_id = any ($1::text[]))
delete from orders where order_id = any ($1::text[])

-- name: late
-- Events that reached the inbox of an order in the moment in which it was archived: nobody would ever take them.
delete from inbox i using archived_orders a
where i.order_id = a.order_id
returning i.order_id, i.kind, i.body

-- name: expired
-- Archived orders that have been kept for long enough go, oldest first.
with old as (
    select order_id from archived_orders where finished_at < $1 order by finished_at limit $2 for update skip locked
)
delete from archived_orders a using old where a.order_id = old.order_id returning a.order_id

-- name: forget
-- Nothing is known of these orders any more: no event about them can come either.
with gone_answers as (delete from command_answers where order_id = any ($1::text[])),
     gone_commands as (delete from intake where kind = 'command' and order_id = any ($1::text[]))
delete from intake where kind = 'order' and record_id = any ($1::text[])

-- name: as_they_were
-- Stands before a query of `turns.sql`, so that it sees archived orders instead of the others.
with archived as (
    select body from archived_orders where order_id = any ($1::text[])
), orders as (
    select r.* from archived, jsonb_populate_record(null::orders, body -> 'order') r
), technical_lines as (
    select r.* from archived, jsonb_populate_recordset(null::technical_lines, body -> 'technical_lines') r
), items as (
    select r.* from archived, jsonb_populate_recordset(null::items, body -> 'items') r
)
