-- A plain variant's line holds its quantity of it. A bundle's line holds other variants, of each a whole number for each
-- bundle; which ones was decided by the bundle as it was then, so they are not compared with the bundle of today.
with held as (
  select e.order_id, e.line_no, l.variant_id, sum(e.held_delta) as units
  from stock_entries e
  join stock_levels l on l.id = e.level_id
  where e.kind = 'hold'
  group by e.order_id, e.line_no, l.variant_id
), lines as (
  select line.order_id, line.line_no, line.sku, line.quantity,
    count(held.variant_id) as variants,
    sum(held.units) filter (where held.variant_id = line.variant_id) as own,
    bool_or(held.variant_id <> line.variant_id and held.units % line.quantity <> 0) as is_uneven,
    sum(held.units) as units
  from order_lines line
  left join held on held.order_id = line.order_id and held.line_no = line.line_no
  group by line.order_id, line.line_no
), broken as (
  select format('order %s, line %s: %s of %s, held are %s', order_id, line_no, quantity, sku, coalesce(units, 0)) as example
  from lines
  where variants = 0 or is_uneven or (own is not null and (own <> quantity or variants <> 1))
)
select (select count(*) from order_lines) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
