-- What is still to come, and of what has been only the newest: that is the price now.
select variant_id, (extract(epoch from at) * 1000)::float8 as at_ms, price::float8 as price, compare_at::float8 as compare_at
from price_changes change
where not exists (
  select from price_changes later
  where later.variant_id = change.variant_id and later.at > change.at and later.at <= shop_now()
)
order by variant_id, at
