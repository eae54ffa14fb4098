select l.variant_id, v.sku, place.code as location, l.on_hand, l.held, l.sold, l.safety, l.safety_percent, l.allowance, l.low_stock_at
from stock_levels l
join variants v on v.id = l.variant_id
join locations place on place.id = l.location_id
where ($1::text[] is null or v.sku = any ($1::text[])) and ($2::integer is null or l.id = $2::integer)
order by v.sku, place.position, place.id
