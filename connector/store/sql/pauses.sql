-- name: load
-- Every pause; of each with an end the seconds until then.
select kind, name, reason, by_whom, since, until, extract(epoch from until - clock_timestamp())::float8 as seconds
from pauses
order by since, kind, name

-- name: add
insert into pauses (kind, name, reason, by_whom, until) values ($1, $2, $3, $4, $5)
on conflict (kind, name) do nothing
returning since

-- name: remove
delete from pauses where kind = $1 and name = $2 returning kind, name, reason, by_whom, since, until

-- name: expire
-- Pauses whose time is over.
delete from pauses where until <= clock_timestamp() returning kind, name, reason, by_whom, since, until

-- name: wake_items
-- The items of a plan definition ($1) that waited for it are looked at again: $2 in a second, those that waited longest
-- first, once every worker has heard that the pause is over. One that has not would hold them back anew.
with waiting as (
    select t.order_id, t.item_no, row_number() over (order by t.due, t.order_id, t.item_no) - 1 as place
    from timers t join items i on i.order_id = t.order_id and i.item_no = t.item_no
    where t.kind = 'pause' and i.spec ->> 'definition' = $1
)
update timers t
set due = now() + make_interval(secs => 0.5 + w.place / $2)
from waiting w
where t.order_id = w.order_id and t.item_no = w.item_no and t.kind = 'pause'

-- name: orders
-- Orders that are paused.
select order_id, number, head from orders where paused_at is not null order by paused_at

-- name: counts
-- How many requests wait for a pause to end, by interface.
select interface, count(*) as waiting from held_requests where why = 'paused' group by interface

-- name: items_waiting
-- How many items wait for their plan definition to be resumed, by definition.
select i.spec ->> 'definition' as definition, count(*) as waiting
from timers t join items i on i.order_id = t.order_id and i.item_no = t.item_no
where t.kind = 'pause'
group by 1
