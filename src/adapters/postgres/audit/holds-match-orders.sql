-- An open order's units are held; a paid one's are sold; a shipped one's have left; one that was given up keeps none.
with holds as (
  select order_id, line_no, level_id,
    bool_or(kind in ('release', 'expire')) as is_released,
    bool_or(kind = 'sell') as is_sold,
    bool_or(kind = 'unsell') as is_unsold,
    bool_or(kind = 'ship') as is_shipped
  from stock_entries
  where order_id is not null
  group by order_id, line_no, level_id
), sums as (
  select order_id, count(*) as holds,
    count(*) filter (where is_released) as released,
    count(*) filter (where is_sold) as sold,
    count(*) filter (where is_unsold) as unsold,
    count(*) filter (where is_shipped) as shipped
  from holds
  group by order_id
), broken as (
  select format('order %s is %s, but of its %s holds %s are released, %s sold, %s put back on sale, %s shipped',
    o.id, o.status, holds, released, sold, unsold, shipped) as example
  from orders o
  join sums on sums.order_id = o.id
  where case
    when o.status in ('received', 'paying', 'action_required', 'unknown') then released + sold + unsold + shipped > 0
    when o.status in ('paid', 'packed') then sold <> holds or unsold + shipped > 0
    when o.status in ('shipped', 'delivered') then sold <> holds or shipped <> holds
    when o.status in ('part_refunded', 'refunded') then sold <> holds
    when o.status = 'cancelled' then released <> holds and (sold <> holds or unsold <> holds)
    when o.status = 'expired' then released <> holds
  end
)
select (select count(*) from orders) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
