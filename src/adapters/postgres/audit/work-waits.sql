-- What is not finished has a task that will take it up again. A parked one (at infinity) waits for an operator, not for
-- a worker: the order is stuck until then.
with waiting as (
  select order_id, topic, payload ->> 'refundKey' as refund_key from outbox where run_at < 'infinity'
), broken as (
  select format('order %s is %s and nothing waits to go on with it', id, status) as example
  from orders o
  where status in ('received', 'paying', 'action_required', 'unknown')
    and not exists (select from waiting where waiting.order_id = o.id and topic in ('pay', 'resolve', 'expire'))
  union all
  select format('the refund %s of order %s is pending and nothing waits to make it', refund_key, order_id)
  from refunds r
  where state = 'pending' and not exists (select from waiting where waiting.refund_key = r.refund_key)
)
select
  (select count(*) from orders where status in ('received', 'paying', 'action_required', 'unknown'))
    + (select count(*) from refunds where state = 'pending') as checked,
  (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
