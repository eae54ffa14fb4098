-- A hold is a line's units at one level. What follows it in the ledger moves just these units, in this order: one end
-- (sell, or release, or expire), after a sale one way out (ship, or unsell), after a shipment a return of at most as many.
with holds as (
  select order_id, line_no, level_id,
    count(*) filter (where kind = 'hold') as holds,
    count(*) filter (where kind in ('release', 'expire', 'sell')) as ends,
    count(*) filter (where kind in ('ship', 'unsell')) as leaves,
    coalesce(sum(held_delta) filter (where kind = 'hold'), 0) as held,
    -coalesce(sum(held_delta) filter (where kind in ('release', 'expire', 'sell')), 0) as ended,
    coalesce(sum(sold_delta) filter (where kind = 'sell'), 0) as sold,
    -coalesce(sum(sold_delta) filter (where kind in ('ship', 'unsell')), 0) as parted,
    -coalesce(sum(on_hand_delta) filter (where kind = 'ship'), 0) as shipped,
    coalesce(sum(on_hand_delta) filter (where kind = 'return'), 0) as returned,
    bool_or(kind = 'sell') as is_sold,
    bool_or(kind = 'ship') as is_shipped,
    string_agg(kind::text, ', ' order by kind) as kinds
  from stock_entries
  where order_id is not null
  group by order_id, line_no, level_id
), broken as (
  select format('order %s, line %s, level %s: %s of %s units', order_id, line_no, level_id, kinds, held) as example
  from holds
  where holds <> 1 or held <= 0
    or ends > 1 or (ends = 1 and ended <> held) or (is_sold and sold <> held) or (not is_sold and sold <> 0)
    or leaves > 1 or (leaves = 1 and (not is_sold or parted <> held)) or (is_shipped and shipped <> held)
    or returned > shipped
)
select (select count(*) from holds) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
