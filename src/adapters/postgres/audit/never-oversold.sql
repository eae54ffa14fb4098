with broken as (
  select format('%s at %s: %s on hand and %s allowed beyond, for %s held and %s sold',
    v.sku, place.code, l.on_hand, l.allowance, l.held, l.sold) as example
  from stock_levels l
  left join variants v on v.id = l.variant_id
  left join locations place on place.id = l.location_id
  where l.on_hand - l.held - l.sold + l.allowance < 0 or l.held < 0 or l.sold < 0
)
select (select count(*) from stock_levels) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
