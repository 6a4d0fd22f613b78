-- name: answer
select answer, message from command_answers where order_id = $1 and command_id = $2
