with counted as (
  select l.id, l.on_hand as before, incoming.on_hand as after
  from incoming_variants incoming
  join variants v on v.sku = incoming.sku
  join stock_levels l on l.variant_id = v.id and l.location_id = (select id from locations order by position, id limit 1)
  where not incoming.is_bundle and incoming.on_hand <> l.on_hand
), written as (
  update stock_levels l set on_hand = counted.after, safety = (counted.after::bigint * l.safety_percent + 99) / 100
  from counted where l.id = counted.id
)
insert into stock_entries (at, level_id, kind, on_hand_delta, reason)
select shop_now(), id, 'set', after - before, 'import' from counted
