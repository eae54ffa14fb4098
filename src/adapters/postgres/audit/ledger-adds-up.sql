with sums as (
  select level_id, sum(on_hand_delta) as on_hand, sum(held_delta) as held, sum(sold_delta) as sold from stock_entries group by level_id
), broken as (
  select format('level %s (%s): %s on hand, %s held, %s sold; its ledger comes to %s, %s, %s', l.id, v.sku,
    l.on_hand, l.held, l.sold, coalesce(sums.on_hand, 0), coalesce(sums.held, 0), coalesce(sums.sold, 0)) as example
  from stock_levels l
  left join sums on sums.level_id = l.id
  left join variants v on v.id = l.variant_id
  where (l.on_hand, l.held, l.sold) is distinct from (coalesce(sums.on_hand, 0), coalesce(sums.held, 0), coalesce(sums.sold, 0))
)
select (select count(*) from stock_levels) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
