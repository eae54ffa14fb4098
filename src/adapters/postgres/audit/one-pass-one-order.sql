with broken as (
  select format('the pass of place %s in %s (epoch %s) bought orders %s', seq, room, epoch, string_agg(order_id::text, ', ' order by order_id)) as example
  from order_passes where is_once group by room, epoch, seq having count(*) > 1
)
select (select count(*) from order_passes where is_once) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
