-- Levels that could not keep what they have promised. Asked under their locks, to say it in words before the
-- constraint says it in its own.
select v.sku, l.held + l.sold as promised, after.units, after.allowance
from incoming_variants incoming
join variants v on v.sku = incoming.sku
join stock_levels l on l.variant_id = v.id
cross join lateral (
  select
    case when l.location_id = (select id from locations order by position, id limit 1) and not incoming.is_bundle
      then coalesce(incoming.on_hand, l.on_hand) else l.on_hand end as units,
    case when l.location_id = (
        select other.location_id from stock_levels other join locations place on place.id = other.location_id
        where other.variant_id = v.id order by place.position, place.id limit 1)
      then incoming.allowance else 0 end as allowance
) after
where after.units + after.allowance < l.held + l.sold
order by v.sku
limit 3
