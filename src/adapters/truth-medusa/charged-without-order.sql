-- Payments of carts that never became an order.
select count(*)::int as number
from cart_payment_collection c
join payment p on p.payment_collection_id = c.payment_collection_id
left join order_cart o on o.cart_id = c.cart_id
where p.canceled_at is null and p.deleted_at is null and o.order_id is null
