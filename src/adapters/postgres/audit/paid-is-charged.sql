with broken as (
  select format('order %s is %s, its total is %s %s; charged are %s', o.id, o.status, o.total, o.currency,
    coalesce((select string_agg(a.amount || ' ' || a.currency, ', ') from payment_attempts a where a.order_id = o.id and a.state = 'succeeded'), 'nothing')) as example
  from orders o
  where o.status in ('paid', 'packed', 'shipped', 'delivered', 'part_refunded', 'refunded')
    and not exists (
      select from payment_attempts a
      where a.order_id = o.id and a.state = 'succeeded' and a.amount = o.total and a.currency = o.currency
    )
)
select
  (select count(*) from orders where status in ('paid', 'packed', 'shipped', 'delivered', 'part_refunded', 'refunded')) as checked,
  (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
