-- name: find
select order_id from orders where order_id = $1
union
select order_id from orders where number = $1
limit 2

-- name: answer
select answer, message from command_answers where order_id = $1 and command_id = $2
