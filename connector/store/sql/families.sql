-- name: plans_of
-- The plans of those orders that are versions of another one.
select order_id, plan_id from revisions where order_id = any ($1::text[])

-- name: whereabouts
-- Of these orders those that are archived, and those that are versions of another one.
select order_id, null as plan_id from archived_orders where order_id = any ($1::text[])
union all
select order_id, plan_id from revisions where order_id = any ($1::text[])

-- name: part
-- An order that was to revise an archived one stands for itself again, to be told so.
with gone as (delete from revisions where order_id = $1)
insert into orders (order_id, state, status) values ($1, 'NotStarted', 'Submitted') on conflict (order_id) do nothing

-- name: look
-- What is known of a plan that is to be revised ($1), and of the order that is to revise it ($2).
select exists (select from archived_orders where order_id = $1) as is_archived,
       exists (select from orders where order_id = $1)
       or exists (select from intake where kind = 'order' and record_id = $1) as is_known,
       exists (select from orders where order_id = $2 and document is not null) as has_plan

-- name: hear_of
-- An order that nobody told of, but that a supplemental order names: it is to be read.
with heard as (
    insert into intake (kind, record_id, order_id, reason) values ('order', $1, $1, $2)
    on conflict (kind, record_id) do nothing
)
insert into orders (order_id, state, status) values ($1, 'NotStarted', 'Submitted') on conflict (order_id) do nothing

-- name: join
insert into revisions (order_id, plan_id, number) values ($1, $2, $3)
on conflict (order_id) do update set plan_id = excluded.plan_id, number = excluded.number

-- name: bring_family
-- Orders that were to revise this one ($1) revise the plan that it belongs to.
update revisions set plan_id = $2 where plan_id = $1

-- name: bring_inbox
-- What waits for this order ($1) is for the plan that it belongs to.
update inbox set order_id = $2 where order_id = $1

-- name: leave
-- A supplemental order has no plan of its own.
delete from orders where order_id = $1 and document is null

-- name: bring_strays
-- What reached an inbox in the moment in which its order became a version of another one.
update inbox i set order_id = r.plan_id from revisions r where i.order_id = r.order_id

-- name: forget
delete from revisions where plan_id = any ($1::text[])
