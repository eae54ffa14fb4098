with attempts as (
  select order_id, count(*) filter (where state = 'succeeded') as successes,
    count(*) filter (where state in ('pending', 'action_required', 'unknown')) as open
  from payment_attempts
  group by order_id
), broken as (
  select format('order %s has %s successful charges and %s open attempts', order_id, successes, open) as example
  from attempts
  where successes > 1 or open > 1
)
select (select count(*) from attempts) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
