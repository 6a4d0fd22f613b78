-- name: lock
-- Lock the rows of these orders for this turn, leaving those that another worker has locked.
select order_id, revision, set_hash
from orders
where order_id = any ($1::text[]) and parked is null
order by order_id
for update skip locked

-- name: take_inbox
-- Take the events that wait for these orders, in the order of their arrival. Those of orders that have not been read
-- ($2) wait for the reading, which then comes first.
with taken as (
    delete from inbox i
    where i.order_id = any ($1::text[])
      and (i.order_id <> all ($2::text[])
           or exists (select from inbox r
                      where r.order_id = i.order_id and r.kind in ('OrderRead', 'OrderUnreadable')))
    returning order_id, seq, kind, body
)
select order_id, kind, body
from taken
order by order_id = any ($2::text[]) and kind not in ('OrderRead', 'OrderUnreadable'), seq

-- name: take_timers
-- Take the timers of these orders that are due.
with taken as (
    delete from timers where order_id = any ($1::text[]) and due <= $2 returning order_id, item_no, kind, epoch, due
)
select order_id, item_no, kind, epoch from taken order by due, item_no

-- name: load_orders
-- The heads of these orders' plans.
select order_id, state, message, set_hash, revision, document, head, created_at, finished_at
from orders
where order_id = any ($1::text[]) and document is not null

-- name: load_lines
-- The technical lines of these orders.
select order_id, body from technical_lines where order_id = any ($1::text[]) order by order_id, line_no

-- name: load_items
-- The items of these orders.
select order_id, item_no, spec, state, progress
from items
where order_id = any ($1::text[])
order by order_id, item_no

-- name: load_as_is
-- What the accounts of these orders had installed when the orders began.
select order_id, as_is from orders where order_id = any ($1::text[])

-- name: respecify
-- What otherwise never changes of an item, and a revision has changed.
update items i
set spec = s.spec
from json_to_recordset($1::json) as s (order_id text, item_no int, spec json)
where i.order_id = s.order_id and i.item_no = s.item_no

-- name: clear
-- Remove what an earlier reading of these orders left (they were rejected and read again).
with gone_items as (delete from items where order_id = any ($1::text[]))
delete from technical_lines where order_id = any ($1::text[])

-- name: explain_more
-- What was decided about orders after they were decomposed first.
insert into later_explanations (order_id, explained_at, body)
select order_id, $1, body from json_to_recordset($2::json) as s (order_id text, body json)

-- name: save
-- All that a turn changed, in one statement; gives the stored requests that are to be sent once more. Rows come as one
-- JSON document a table (null: none), cheaper on both sides than an array per column. The parts see the tables as they
-- were before and come in no order: no two of them touch the same row.
with saved_orders as (
    update orders o
    set state = s.state, status = s.status, message = s.message, head = s.head, items_total = s.items_total,
        items_done = s.items_done, finished_at = s.finished_at, revision = o.revision + 1, updated_at = $1,
        number = coalesce(s.number, o.number), account_id = coalesce(s.account_id, o.account_id),
        priority = coalesce(s.priority, o.priority), set_hash = coalesce(s.set_hash, o.set_hash),
        document = coalesce(s.document, o.document), created_at = coalesce(s.created_at, o.created_at),
        as_is = coalesce(s.as_is, o.as_is), paused_at = s.paused_at
    from json_to_recordset($3::json) as s (
        order_id text, number text, account_id text, priority smallint, state text, status text, message text,
        set_hash text, items_total int, items_done int, document json, head json, created_at timestamptz,
        finished_at timestamptz, as_is json, paused_at timestamptz)
    where o.order_id = s.order_id
), saved_explanations as (
    insert into explanations (order_id, body)
    select order_id, body from json_to_recordset($4::json) as s (order_id text, body json)
    on conflict (order_id) do update set body = excluded.body
), saved_lines as (
    insert into technical_lines (order_id, line_no, body)
    select order_id, line_no, body from json_to_recordset($5::json) as s (order_id text, line_no int, body json)
    on conflict (order_id, line_no) do update set body = excluded.body
), added_items as (
    insert into items (order_id, item_no, spec, state, progress)
    select order_id, item_no, spec, state, progress
    from json_to_recordset($6::json) as s (order_id text, item_no int, spec json, state text, progress json)
), saved_items as (
    update items i
    set state = s.state, progress = s.progress
    from json_to_recordset($7::json) as s (order_id text, item_no int, state text, progress json)
    where i.order_id = s.order_id and i.item_no = s.item_no
), dropped_work as (
    -- Requests that need no sending any more.
    delete from work w
    using json_to_recordset($8::json) as s (order_id text, item_no int)
    where w.order_id = s.order_id and w.item_no = s.item_no
), rested_work as (
    -- Requests that are not being sent any more but may be needed again.
    update work w
    set owner = null
    from json_to_recordset($9::json) as s (order_id text, item_no int)
    where w.order_id = s.order_id and w.item_no = s.item_no
), added_work as (
    -- Requests to send, owned by this worker; the rendered request of an epoch stays what it was.
    insert into work (order_id, item_no, epoch, attempt, interface, set_hash, priority, awaits_event, request, owner)
    select order_id, item_no, epoch, attempt, interface, set_hash, priority, awaits_event, request, $2
    from json_to_recordset($10::json) as s (
        order_id text, item_no int, epoch int, attempt int, interface text, set_hash text, priority smallint,
        awaits_event boolean, request json)
    on conflict (order_id, item_no) do update
    set epoch = excluded.epoch, attempt = excluded.attempt, interface = excluded.interface,
        set_hash = excluded.set_hash, priority = excluded.priority, awaits_event = excluded.awaits_event,
        request = excluded.request, owner = excluded.owner
), resent_work as (
    -- Stored requests to send once more, owned by this worker.
    update work w
    set attempt = s.attempt, owner = $2
    from json_to_recordset($11::json) as s (order_id text, item_no int, attempt int)
    where w.order_id = s.order_id and w.item_no = s.item_no
    returning w.order_id, w.item_no, w.epoch, w.attempt, w.interface, w.set_hash, w.priority, w.awaits_event, w.request
), cleared_timers as (
    delete from timers t
    using json_to_recordset($12::json) as s (order_id text, item_no int)
    where t.order_id = s.order_id and t.item_no = s.item_no
      and not exists (
          select from json_to_recordset($13::json) as n (order_id text, item_no int, kind text)
          where n.order_id = t.order_id and n.item_no = t.item_no and n.kind = t.kind)
), set_timers as (
    insert into timers (order_id, item_no, kind, epoch, due)
    select order_id, item_no, kind, epoch, due
    from json_to_recordset($13::json) as s (order_id text, item_no int, kind text, epoch int, due timestamptz)
    on conflict (order_id, item_no, kind) do update set epoch = excluded.epoch, due = excluded.due
), added_history as (
    insert into history (order_id, at, item_no, what, detail, by_whom)
    select order_id, $1, item_no, what, detail, by_whom
    from json_to_recordset($14::json) as s (order_id text, item_no int, what text, detail text, by_whom text)
), resolved_fallouts as (
    update fallouts f
    set resolved_at = $1, resolution = s.how, resolved_by = s.by_whom
    from json_to_recordset($15::json) as s (order_id text, item_no int, episode int, how text, by_whom text)
    where f.order_id = s.order_id and f.item_no = s.item_no and f.episode = s.episode and f.resolved_at is null
), raised_fallouts as (
    insert into fallouts (order_id, item_no, episode, failure, queue, severity, suggestions, attempts, raised_at,
                          resolved_at, resolution, resolved_by)
    select order_id, item_no, episode, failure, queue, severity,
           array(select json_array_elements_text(s.suggestions)), attempts, $1,
           case when how is not null then $1 end, how, by_whom
    from json_to_recordset($16::json) as s (
        order_id text, item_no int, episode int, failure jsonb, queue text, severity text, suggestions json,
        attempts int, how text, by_whom text)
    on conflict (order_id, item_no, episode) do update
    set failure = excluded.failure, queue = excluded.queue, severity = excluded.severity,
        suggestions = excluded.suggestions, attempts = excluded.attempts, raised_at = excluded.raised_at,
        resolved_at = excluded.resolved_at, resolution = excluded.resolution, resolved_by = excluded.resolved_by
), answered_commands as (
    insert into command_answers (order_id, command_id, answer, message, result, answered_at)
    select order_id, command_id, answer, message, result, $1
    from json_to_recordset($17::json) as s (order_id text, command_id text, answer text, message text, result json)
    on conflict (order_id, command_id) do update
    set answer = excluded.answer, message = excluded.message, result = excluded.result,
        answered_at = excluded.answered_at
), saved_inventory as (
    insert into inventory (order_id, line_no, body)
    select order_id, line_no, body from json_to_recordset($18::json) as s (order_id text, line_no int, body json)
    on conflict (order_id, line_no) do update set body = excluded.body
), marked as (
    -- Records that are behind: one row for each lane.
    insert into outbox (lane, order_id, rank, kinds, keys)
    select lane, order_id, rank, kinds, keys
    from json_to_recordset($19::json) as s (lane text, order_id text, rank smallint, kinds text[], keys text[])
), read_again as (
    -- These orders are to be read from Salesforce once more.
    insert into intake (kind, record_id, order_id, reason)
    select 'order', u, u, 'Retry' from unnest($20::text[]) as u
    on conflict (kind, record_id) do update
    set done_at = null, due_at = now(), attempts = 0, problem = null, owner = null
), logged_calls as (
    -- Attempts that were made since the last turn, for people to look at.
    insert into calls (order_id, item_no, epoch, attempt, interface, method, path, idempotency_key, status, outcome,
                       code, started_at, seconds, sendings)
    select "order", item, epoch, attempt, interface, method, path, idempotency_key, status, outcome, code, started_at,
           seconds, sendings
    from json_to_recordset($21::json) as s (
        "order" text, item int, epoch int, attempt int, interface text, method text, path text, idempotency_key text,
        status int, outcome text, code text, started_at timestamptz, seconds float8, sendings int)
)
select * from resent_work

-- name: read_after
-- These orders are read again, but not before all that is behind of a lane has been written.
update intake i
set after_lane = u.lane
from unnest($1::text[], $2::text[]) as u (order_id, lane)
where i.kind = 'order' and i.record_id = u.order_id

-- name: park
-- No turn takes this order any more: handling it failed in a way that is our bug.
update orders set parked = $2 where order_id = $1

-- name: waiting
-- Orders that have something to do: $2 of those that are begun, a third of them because of timers that are due, and $3
-- that are to begin, urgent ones before others, but every fourth the one that waits longest, so that none waits for
-- ever. Those that are parked wait for a person; what happens to an order before it was read waits for that.
-- (Asked of each row in a subselect: a join might begin with all orders.)
(select distinct order_id from (
    select i.order_id
    from inbox i
    where i.rank = 0
      and (select o.parked is null and o.set_hash <> '' from orders o where o.order_id = i.order_id)
    order by i.seq
    limit $2 - $2 / 3) as going_on)
union
(select t.order_id
 from timers t
 where t.due <= $1 and (select o.parked is null from orders o where o.order_id = t.order_id)
 order by t.due
 limit $2 / 3)
union
(select i.order_id
 from inbox i
 where i.rank > 0 and (select o.parked is null from orders o where o.order_id = i.order_id)
 order by i.rank, i.seq
 limit $3 - $3 / 4)
union
(select i.order_id
 from inbox i
 where i.rank > 0 and (select o.parked is null from orders o where o.order_id = i.order_id)
 order by i.seq
 limit $3 / 4)

-- name: beginning
-- As the last two parts of `waiting`, for some lanes only ($1: their ranks), each looked at by itself: a lane that may
-- not begin costs nothing, however much waits in it.
select order_id, rank
from (
    select b.order_id, b.rank, row_number() over (order by b.rank, b.seq) as urgent,
           row_number() over (order by b.seq) as old
    from unnest($1::smallint[]) as l (rank)
    cross join lateral (
        select i.order_id, i.rank, i.seq
        from inbox i
        where i.rank = l.rank and (select o.parked is null from orders o where o.order_id = i.order_id)
        order by i.seq
        limit $2
    ) as b
) as found
where urgent <= $2 - $2 / 4 or old <= $2 / 4
order by urgent

-- name: next_due
-- When the next timer is due.
select t.due
from timers t
where (select o.parked is null from orders o where o.order_id = t.order_id)
order by t.due
limit 1
