select o.id, o.status, o.priority, extract(epoch from o.placed_at) * 1000 as placed_at, o.email, o.details, o.currency, o.tax_included,
  o.subtotal, o.discount, o.shipping, o.tax, o.total, o.refunded, extract(epoch from o.hold_until) * 1000 as hold_until,
  extract(epoch from o.hold_until - shop_now()) * 1000 as hold_left, o.tracking, o.delay,
  (select coalesce(jsonb_agg(jsonb_build_object(
      'variantId', l.variant_id, 'sku', l.sku, 'title', l.title, 'options', l.options, 'quantity', l.quantity,
      'unitPrice', l.unit_price, 'discount', l.discount, 'tax', l.tax) order by l.line_no), '[]')
   from order_lines l where l.order_id = o.id) as lines,
  (select coalesce(jsonb_agg(jsonb_build_object(
      'atMs', round(extract(epoch from e.at) * 1000), 'status', e.status, 'text', e.text) order by e.seq), '[]')
   from order_events e where e.order_id = o.id) as events,
  a.redirect_url,
  (o.status = 'action_required' and a.state is null) as can_retry_payment
from orders o
left join payment_attempts a on a.order_id = o.id and a.state in ('pending', 'action_required', 'unknown')
