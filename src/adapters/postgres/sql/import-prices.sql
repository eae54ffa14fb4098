-- Where a scheduled price has taken effect, that one is the price, and not the variant's own: so the import's is written
-- as one more, as of now. Those still to come stay.
insert into price_changes (variant_id, at, price, compare_at)
select v.id, shop_now(), incoming.price, incoming.compare_at
from incoming_variants incoming
join variants v on v.sku = incoming.sku
cross join lateral (
  select price, compare_at from price_changes due where due.variant_id = v.id and due.at <= shop_now() order by due.at desc limit 1
) current
where (current.price, current.compare_at) is distinct from (incoming.price, incoming.compare_at)
on conflict (variant_id, at) do update set price = excluded.price, compare_at = excluded.compare_at
