-- Lines of live orders, with the order's payments and what was reserved for the line.
select
  o.id as "orderId",
  array[o.id::text, o.display_id::text] as names,
  coalesce(o.email, '') as email,
  v.sku,
  i.quantity::int as quantity,
  (select count(*)::int from order_payment_collection c
    join payment p on p.payment_collection_id = c.payment_collection_id
    where c.order_id = o.id and p.canceled_at is null and p.deleted_at is null) as payments,
  (select coalesce(sum(r.quantity), 0)::int from reservation_item r
    where r.line_item_id = li.id and r.deleted_at is null) as "setAside"
from "order" o
join order_item i on i.order_id = o.id and i.version = o.version and i.deleted_at is null
join order_line_item li on li.id = i.item_id
join product_variant v on v.id = li.variant_id
where o.deleted_at is null and o.status::text not in ('canceled', 'draft') and i.quantity > 0
order by o.id, i.id
limit $1
