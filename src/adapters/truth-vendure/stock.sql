-- What could be sold of each tracked variant, and what Vendure itself counts as promised.
select
  v.sku,
  sum(l."stockOnHand" - l."stockAllocated")::int as sellable,
  sum(l."stockAllocated")::int as "setAside"
from product_variant v
join stock_level l on l."productVariantId" = v.id
where v."deletedAt" is null and v."trackInventory"::text <> 'FALSE'
group by v.sku
