-- Of the variants that may go, these go without a trace: never a unit counted, never in an order, part of no bundle.
-- An empty level goes with them.
with removable as (
  select v.id from variants v
  where v.id = any ($1::integer[])
    and not exists (select from order_lines line where line.variant_id = v.id)
    and not exists (select from variant_components part where part.component_id = v.id)
    and not exists (
      select from stock_levels l
      where l.variant_id = v.id
        and ((l.on_hand, l.held, l.sold) <> (0, 0, 0) or exists (select from stock_entries e where e.level_id = l.id))
    )
), emptied as (
  delete from stock_levels where variant_id in (select id from removable) returning variant_id
)
select id, (select count(*) from emptied) as emptied from removable
