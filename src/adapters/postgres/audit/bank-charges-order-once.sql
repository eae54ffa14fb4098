-- A second charge of one order that the shop knows as surplus, and is giving back at this moment, is on its way out.
with kept as (
  select distinct order_number, attempt_key from sandbox_charges bank
  where state = 'succeeded' and refunded < amount
    and not exists (
      select from payment_attempts a join refunds r on r.attempt_id = a.id
      where a.attempt_key = bank.attempt_key and a.state = 'surplus' and r.state = 'pending'
    )
), broken as (
  select format('order number %s was charged by %s', order_number, string_agg(attempt_key, ' and by ' order by attempt_key)) as example
  from kept group by order_number having count(*) > 1
)
select (select count(distinct order_number) from sandbox_charges) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
