-- What foreign keys would say, were they not too dear on the order path.
with broken as (
  select format('line %s of the missing order %s', line_no, order_id) as example from order_lines x
  where not exists (select from orders o where o.id = x.order_id)
  union all
  select format('order %s, line %s: the variant %s is missing', order_id, line_no, variant_id) from order_lines x
  where not exists (select from variants v where v.id = x.variant_id)
  union all
  select format('a ledger entry (%s) of the missing level %s', kind, level_id) from stock_entries x
  where not exists (select from stock_levels l where l.id = x.level_id)
  union all
  select format('a ledger entry (%s) of the missing line %s of order %s', kind, line_no, order_id) from stock_entries x
  where order_id is not null
    and not exists (select from order_lines line where line.order_id = x.order_id and line.line_no = x.line_no)
  union all
  select format('an event of the missing order %s', order_id) from order_events x
  where not exists (select from orders o where o.id = x.order_id)
  union all
  select format('a limit''s share of the missing order %s', order_id) from order_persons x
  where not exists (select from orders o where o.id = x.order_id)
  union all
  select format('order %s: the promotion %s is missing', id, promotion_id) from orders x
  where promotion_id is not null and not exists (select from promotions p where p.id = x.promotion_id)
  union all
  select format('%s charges the missing order %s', attempt_key, order_id) from payment_attempts x
  where not exists (select from orders o where o.id = x.order_id)
  union all
  select format('%s refunds the missing order %s', refund_key, order_id) from refunds x
  where not exists (select from orders o where o.id = x.order_id)
  union all
  select format('a task (%s) for the missing order %s', topic, order_id) from outbox x
  where order_id is not null and not exists (select from orders o where o.id = x.order_id)
)
select
  (select count(*) from order_lines) + (select count(*) from stock_entries) + (select count(*) from order_events)
    + (select count(*) from order_persons) + (select count(*) from payment_attempts) + (select count(*) from refunds)
    + (select count(*) from outbox) as checked,
  (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
