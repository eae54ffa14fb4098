-- Lines of orders that were placed and not cancelled, with the order's payments and what was set aside for the line.
select
  o.id::text as "orderId",
  array[o.code::text] as names,
  coalesce(c."emailAddress", '') as email,
  v.sku,
  l.quantity::int as quantity,
  (select count(*)::int from payment p where p."orderId" = o.id and p.state in ('Authorized', 'Settled')) as payments,
  (select coalesce(sum(m.quantity), 0)::int from stock_movement m where m."orderLineId" = l.id and m.type = 'ALLOCATION')
    as "setAside"
from "order" o
join order_line l on l."orderId" = o.id
join product_variant v on v.id = l."productVariantId"
left join customer c on c.id = o."customerId"
where o."orderPlacedAt" is not null and o.state <> 'Cancelled' and l.quantity > 0
order by o.id, l.id
limit $1
