-- Ways for people to find orders. What changes with every turn is in no index, so that a turn adds no entry to one.

create index orders_created on orders (created_at, order_id);
create index orders_open on orders (created_at, order_id) where finished_at is null;
create index orders_number on orders (number);
create index archived_orders_number on archived_orders (number);
