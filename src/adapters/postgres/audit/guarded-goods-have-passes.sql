-- An order says itself which waiting rooms' goods are in it; the passes are written beside it.
with guarded as (
  select id, room from orders, jsonb_array_elements_text(details -> 'rooms') as room where details ? 'rooms'
), broken as (
  select case
    when p.order_id is null then format('order %s holds goods of %s and has no pass', g.id, g.room)
    else format('order %s has a pass of %s and none of its goods', p.order_id, p.room)
  end as example
  from guarded g
  full join order_passes p on p.order_id = g.id and p.room = g.room
  where p.order_id is null or g.id is null
)
select (select count(*) from guarded) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
