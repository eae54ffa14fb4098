-- As two arrays: this is asked again and again, and thousands of rows cost more to send than to reckon.
select coalesce(array_agg(variant_id), '{}') as variants, coalesce(array_agg(available), '{}') as available
from (
  select variant_id, least(sum(greatest(on_hand - safety - held - sold + allowance, 0)), 2147483647)::integer as available
  from stock_levels
  where variant_id not in (select variant_id from variant_components)
  group by variant_id
) levels
