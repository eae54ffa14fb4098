-- Answers when it was last called, and notes that it is being called now.
with before as (select id, called_at from refunds where refund_key = $1::text for update),
called as (update refunds r set called_at = shop_now() from before where r.id = before.id and r.state = 'pending')
select r.order_id, r.refund_key, a.provider, a.reference, r.amount, a.currency, r.state, before.called_at
from before join refunds r on r.id = before.id join payment_attempts a on a.id = r.attempt_id
