-- Every level that is about to change, in the order of the order path, as late as can be. For a variant that may go ($1)
-- also what an order for it would lock, its own stock or a bundle's parts: whoever is placing such an order has
-- finished when this returns, and none can begin.
select from stock_levels l
where l.variant_id in (
  select unnest($1::integer[])
  union
  select component_id from variant_components where variant_id = any ($1::integer[])
  union
  select v.id from incoming_variants incoming
  join variants v on v.sku = incoming.sku
  where (v.policy, v.allowance, v.ships_on) is distinct from (incoming.policy, incoming.allowance, incoming.ships_on)
    or incoming.on_hand is distinct from (
      select counted.on_hand from stock_levels counted
      where counted.variant_id = v.id and counted.location_id = (select id from locations order by position, id limit 1)
    )
)
order by l.variant_id, l.location_id
for update
