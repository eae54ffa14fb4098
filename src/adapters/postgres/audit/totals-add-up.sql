-- The order's tax is its lines' and the shipping's, so it is at least the lines'.
with lines as (
  select order_id, count(*) as lines, sum(unit_price * quantity) as subtotal, sum(discount) as discount, sum(tax) as tax,
    bool_or(discount < 0 or tax < 0 or discount > unit_price * quantity) as is_odd
  from order_lines
  group by order_id
), broken as (
  select format('order %s: subtotal %s, discount %s, shipping %s, tax %s, total %s; its %s lines come to %s, %s and %s tax',
    o.id, o.subtotal, o.discount, o.shipping, o.tax, o.total, coalesce(lines.lines, 0), lines.subtotal, lines.discount, lines.tax) as example
  from orders o
  left join lines on lines.order_id = o.id
  where lines.lines is null or lines.is_odd
    or o.subtotal <> lines.subtotal or o.discount <> lines.discount or o.tax < lines.tax or o.shipping < 0
    or o.total <> o.subtotal - o.discount + o.shipping + case when o.tax_included then 0 else o.tax end
)
select (select count(*) from orders) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
