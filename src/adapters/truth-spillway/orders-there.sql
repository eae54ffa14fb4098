select id::float8 as id from orders where id = any($1::bigint[])
