-- An order that was given up gives its use back: also one that was paid and whose units went back on sale.
with given_up as (
  select id from orders where status in ('cancelled', 'expired')
  union
  select distinct order_id from stock_entries where kind = 'unsell'
), counted as (
  select promotion_id, count(*) as used from orders o
  where promotion_id is not null and not exists (select from given_up where given_up.id = o.id)
  group by promotion_id
), broken as (
  select format('%s: used %s times by its count, %s times by its orders, limit %s', p.code, u.used, coalesce(counted.used, 0), p.usage_limit) as example
  from promotions p
  left join promotion_uses u on u.promotion_id = p.id
  left join counted on counted.promotion_id = p.id
  where u.used is distinct from coalesce(counted.used, 0) or u.used > p.usage_limit
)
select (select count(*) from promotions) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
