-- A surplus charge was never the order's money, so what goes back of it does not count here.
with sums as (
  select r.order_id, sum(r.amount) as amount
  from refunds r
  join payment_attempts a on a.id = r.attempt_id
  where r.state = 'succeeded' and a.state = 'succeeded'
  group by r.order_id
), broken as (
  select format('order %s (%s) of %s says %s went back; its refunds come to %s', o.id, o.status, o.total, o.refunded, coalesce(sums.amount, 0)) as example
  from orders o
  left join sums on sums.order_id = o.id
  where o.refunded <> coalesce(sums.amount, 0) or (o.status = 'refunded') <> (o.refunded > 0 and o.refunded >= o.total)
    or (o.status = 'part_refunded' and o.refunded = 0)
)
select (select count(*) from orders) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
