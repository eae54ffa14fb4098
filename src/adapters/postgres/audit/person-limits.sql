-- An order that was given up no longer counts: also one that was paid and whose units went back on sale.
with given_up as (
  select id from orders where status in ('cancelled', 'expired')
  union
  select distinct order_id from stock_entries where kind = 'unsell'
), bought as (
  select subject, person, sum(quantity) as quantity from order_persons op
  where not exists (select from given_up where given_up.id = op.order_id)
  group by subject, person
), compared as (
  select coalesce(c.subject, bought.subject) as subject, coalesce(c.quantity, 0) as counted, coalesce(bought.quantity, 0) as bought
  from person_counts c
  full join bought on bought.subject = c.subject and bought.person = c.person
), broken as (
  select format('%s: %s by the count, %s by the orders, limit %s', coalesce(v.sku, p.code, subject::text), counted, bought,
    coalesce(v.purchase_limit, p.limit_per_person)) as example
  from compared
  left join variants v on v.id = subject
  left join promotions p on p.id = -subject
  where counted <> bought or bought > coalesce(v.purchase_limit, p.limit_per_person)
)
select (select count(*) from compared) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
