-- Payments that were taken or authorised for what never became an order.
select count(*)::int as number
from payment p
left join "order" o on o.id = p."orderId"
where p.state in ('Authorized', 'Settled') and (o.id is null or o."orderPlacedAt" is null)
