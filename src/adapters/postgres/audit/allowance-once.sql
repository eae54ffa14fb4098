with broken as (
  select format('%s may be sold %s beyond its stock, its levels say %s', v.sku, v.allowance, sum(l.allowance)) as example
  from variants v
  join stock_levels l on l.variant_id = v.id
  group by v.id
  having sum(l.allowance) <> v.allowance
)
select (select count(distinct variant_id) from stock_levels) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
