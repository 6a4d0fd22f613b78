-- name: keep
-- The same set twice is kept once.
insert into mapping_sets (hash, name, version, files) values ($1, $2, $3, $4) on conflict (hash) do nothing

-- name: files
select files from mapping_sets where hash = $1

-- name: newest
-- The set of each name that was kept last.
select distinct on (name) name, hash from mapping_sets order by name, stored_at desc

-- name: in_use
-- The sets of orders in flight.
select distinct set_hash from orders where finished_at is null and set_hash <> ''

-- name: orders_on_others
-- Orders in flight whose set is none of these ($1), after a place ($2).
select order_id
from orders
where finished_at is null and document is not null and set_hash <> all ($1::text[]) and order_id > $2
order by order_id
limit $3
