-- name: draw
-- Take up to $2 of what a rate ($1) allows: $3 a second, at most $4 at once. The row's lock lets one worker after the
-- other ask; clock_timestamp, because now() is when the transaction began, which another may have overtaken.
insert into rates as r (name, level, granted, at)
values ($1, $4 - least($2, floor($4)), least($2, floor($4)), clock_timestamp())
on conflict (name) do update
set level = least($4, r.level + $3 * greatest(extract(epoch from excluded.at - r.at), 0))
            - least($2, floor(least($4, r.level + $3 * greatest(extract(epoch from excluded.at - r.at), 0)))),
    granted = least($2, floor(least($4, r.level + $3 * greatest(extract(epoch from excluded.at - r.at), 0)))),
    at = greatest(r.at, excluded.at)
returning granted, level

-- name: give_back
-- So many of those taken were not used.
update rates set level = level + $2 where name = $1
