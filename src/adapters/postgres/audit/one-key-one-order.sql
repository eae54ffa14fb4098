with broken as (
  select format('orders %s have the key %s', string_agg(id::text, ', ' order by id), key) as example
  from orders group by key having count(*) > 1
)
select (select count(*) from orders) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
