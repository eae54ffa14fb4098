-- Whatever is held as itself has a level to hold it at: also a preorder of which there is nothing yet.
insert into stock_levels (variant_id, location_id)
select v.id, (select id from locations order by position, id limit 1)
from incoming_variants incoming
join variants v on v.sku = incoming.sku
where not incoming.is_bundle
  and (incoming.on_hand is not null or not exists (select from stock_levels l where l.variant_id = v.id))
order by v.id
on conflict (variant_id, location_id) do nothing
