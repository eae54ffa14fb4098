-- A bounded number at a time, and none that somebody is changing at this moment.
delete from carts where id in (
  select id from carts where updated_at < shop_now() - make_interval(secs => $1::float8 / 1000)
  order by updated_at limit $2::integer for update skip locked
)
returning 1
