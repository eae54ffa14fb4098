-- What could be sold of each managed item, and what Medusa itself counts as reserved.
select
  i.sku,
  sum(l.stocked_quantity - l.reserved_quantity)::int as sellable,
  sum(l.reserved_quantity)::int as "setAside"
from inventory_item i
join inventory_level l on l.inventory_item_id = i.id and l.deleted_at is null
where i.deleted_at is null and i.sku is not null
group by i.sku
