-- The story that an order's events tell goes from `received` to where the order stands, by steps of the lifecycle.
with steps as (
  select order_id, status as to_status, seq,
    lag(status, 1, 'received') over (partition by order_id order by seq) as from_status
  from order_events
  where status is not null
), ends as (
  select distinct on (order_id) order_id, to_status from steps order by order_id, seq desc
), broken as (
  select format('order %s went from %s to %s', order_id, from_status, to_status) as example
  from steps
  where not exists (
    select from order_transitions t where t.from_status = steps.from_status and t.to_status = steps.to_status
  )
  union all
  select format('order %s is %s, its last event is %s', o.id, o.status, coalesce(ends.to_status, 'received'))
  from orders o
  left join ends on ends.order_id = o.id
  where o.status <> coalesce(ends.to_status, 'received')
)
select (select count(*) from orders) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
