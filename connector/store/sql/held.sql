-- name: hold
-- These requests of this worker are nobody's until they are taken. Of what waits for a pause people are told.
with given as (
    select * from json_to_recordset($2::json) as s (
        order_id text, item_no int, epoch int, attempt int, why text, sent_before boolean)
), held as (
    update work w
    set owner = null
    from given g
    where w.order_id = g.order_id and w.item_no = g.item_no and w.epoch = g.epoch and w.attempt = g.attempt
      and w.owner = $1
    returning w.order_id, w.item_no, w.epoch, w.attempt, w.interface, w.priority, g.why, g.sent_before
), kept as (
    insert into held_requests (order_id, item_no, epoch, attempt, interface, priority, why, sent_before)
    select order_id, item_no, epoch, attempt, interface, priority, why, sent_before from held
    on conflict (order_id, item_no) do update
    set epoch = excluded.epoch, attempt = excluded.attempt, interface = excluded.interface,
        priority = excluded.priority, why = excluded.why, sent_before = excluded.sent_before, held_at = now()
)
insert into outbox (lane, order_id, rank, kinds, keys)
select distinct h.order_id, h.order_id, h.priority,
       array['order', 'plan'] || array(select 'order' from revisions r where r.plan_id = h.order_id order by r.order_id),
       array[h.order_id, h.order_id]
           || array(select r.order_id from revisions r where r.plan_id = h.order_id order by r.order_id)
from held h
where h.why = 'paused'

-- name: waiting
-- How many requests could be taken, counted up to $3, by why they were held.
select why, count(*)::int as waiting
from (
    select h.why
    from held_requests h
    where split_part(h.interface, '.', 1) <> all ($1::text[]) and h.interface <> all ($2::text[])
      and (select o.paused_at is null from orders o where o.order_id = h.order_id)
    limit $3
) as found
group by why

-- name: take
-- Take over up to $5 held requests ($2: why they were) that no pause ($3: systems, $4: interfaces) concerns, urgent ones
-- first; those that are not their item's present ones any more go.
with chosen as (
    select h.order_id, h.item_no
    from held_requests h
    where h.why = $2
      and split_part(h.interface, '.', 1) <> all ($3::text[]) and h.interface <> all ($4::text[])
      and (select o.paused_at is null from orders o where o.order_id = h.order_id)
    order by h.priority, h.held_at
    limit $5
    for update skip locked
), gone as (
    delete from held_requests h using chosen c
    where h.order_id = c.order_id and h.item_no = c.item_no
    returning h.order_id, h.item_no, h.epoch, h.attempt, h.why, h.sent_before
), taken as (
    update work w
    set owner = $1
    from gone g
    where w.order_id = g.order_id and w.item_no = g.item_no and w.epoch = g.epoch and w.attempt = g.attempt
      and w.owner is null
      and (select i.state = 'Running' from items i where i.order_id = g.order_id and i.item_no = g.item_no)
    returning w.order_id, w.item_no, w.epoch, w.attempt, w.interface, w.set_hash, w.priority, w.awaits_event,
              w.request, g.why, g.sent_before
), marked as (
    insert into outbox (lane, order_id, rank, kinds, keys)
    select distinct t.order_id, t.order_id, t.priority,
           array['order', 'plan']
               || array(select 'order' from revisions r where r.plan_id = t.order_id order by r.order_id),
           array[t.order_id, t.order_id]
               || array(select r.order_id from revisions r where r.plan_id = t.order_id order by r.order_id)
    from taken t
    where t.why = 'paused'
)
select * from taken

-- name: held_back
-- Of these orders the items whose requests wait for a pause to end, and that pause.
select h.order_id, h.item_no, p.kind, p.name, p.reason, p.by_whom, p.since, p.until
from held_requests h
join work w on w.order_id = h.order_id and w.item_no = h.item_no and w.epoch = h.epoch and w.attempt = h.attempt
           and w.owner is null
join items i on i.order_id = h.order_id and i.item_no = h.item_no and i.state = 'Running'
join pauses p on (p.kind = 'system' and p.name = split_part(h.interface, '.', 1))
              or (p.kind = 'interface' and p.name = h.interface)
where h.order_id = any ($1::text[])
