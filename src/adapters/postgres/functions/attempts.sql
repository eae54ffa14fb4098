-- Begins, or takes up again, the charging of an order. Answers the attempt to make, or nothing when the order no
-- longer wants one. A worker that died in the middle left an open attempt: it is answered again, with the same key,
-- so that the provider recognises it.
create or replace function begin_attempt(p_order bigint, p_number text, p_provider text, p_token text)
returns setof payment_attempts language plpgsql
set enable_seqscan to off
as $$
declare
  the_order orders;
  attempt payment_attempts;
begin
  select * into the_order from orders where id = p_order for update;
  if not found then return; end if;
  select * into attempt from payment_attempts where order_id = p_order and state in ('pending', 'action_required', 'unknown');
  if found then
    -- `called_at` is answered as it was: when it was last called without a certain answer.
    attempt.calls := attempt.calls + 1;
    if attempt.state = 'pending' then update payment_attempts set called_at = shop_now(), calls = attempt.calls where id = attempt.id; end if;
    return next attempt;
    return;
  end if;
  if the_order.status <> 'received' then return; end if;
  insert into payment_attempts (order_id, provider, attempt_key, token, amount, currency, created_at)
  select p_order, p_provider, p_number || '-' || (count(*) + 1), p_token, the_order.total, the_order.currency, shop_now()
  from payment_attempts where order_id = p_order
  returning * into attempt;
  attempt.calls := 1;
  update payment_attempts set called_at = shop_now(), calls = 1 where id = attempt.id;
  update orders set status = 'paying', hold_until = null where id = p_order;
  return next attempt;
end $$;

-- What became of an attempt, from whoever learnt it first: the worker's call, a webhook, or a look into the
-- provider's books. Idempotent, and in any order: the same news twice, or old news after new, changes nothing.
-- Answers the order's status afterwards, or null when there is no such attempt.
create or replace function settle_attempt(
  p_key text, p_outcome text, p_reference text, p_reason text, p_redirect_url text,
  p_hold_seconds double precision, p_retry_seconds double precision, p_call integer
) returns order_status language plpgsql
set enable_seqscan to off
as $$
declare
  attempt payment_attempts;
  the_order orders;
  is_open boolean;
begin
  select * into attempt from payment_attempts where attempt_key = p_key;
  if not found then return null; end if;
  select * into the_order from orders where id = attempt.order_id for update;
  select * into attempt from payment_attempts where attempt_key = p_key for update;
  is_open := attempt.state in ('pending', 'action_required', 'unknown');

  if p_outcome = 'succeeded' then
    if attempt.state in ('succeeded', 'surplus') then return the_order.status; end if;
    if the_order.status in ('received', 'paying', 'action_required', 'unknown') then
      update payment_attempts set state = 'succeeded', reference = coalesce(p_reference, reference), settled_at = shop_now() where id = attempt.id;
      update orders set status = 'paid', hold_until = null where id = the_order.id;
      perform end_holds(the_order.id, 'sell');
      -- Late news of one attempt while the shopper was at the bank with another: that challenge is given up.
      if exists (select 1 from payment_attempts where order_id = the_order.id and state = 'action_required') then
        perform add_task(0::smallint, 3::smallint, 'expire', the_order.id, null, 0);
      end if;
      perform add_notice(the_order.id, 'paid');
      return 'paid';
    end if;
    -- Nobody wants this money any more: it goes back whole.
    update payment_attempts set state = 'surplus', reference = coalesce(p_reference, reference), settled_at = shop_now() where id = attempt.id;
    insert into refunds (order_id, attempt_id, refund_key, amount, reason, created_at)
    values (the_order.id, attempt.id, attempt.attempt_key || '-surplus', attempt.amount, 'charged after the order had ended', shop_now());
    perform add_task(0::smallint, the_order.priority, 'refund', the_order.id,
                     jsonb_build_object('refundKey', attempt.attempt_key || '-surplus'), 0);
    return the_order.status;
  end if;

  -- Everything else is news only while the attempt is open.
  if not is_open then return the_order.status; end if;

  -- "Nothing was charged" is true of the caller's own call. If another worker has begun since, its call may be on its
  -- way: then nobody knows.
  if p_outcome = 'failed' and p_call is not null and p_call <> attempt.calls then
    p_outcome := 'unknown';
    p_retry_seconds := greatest(p_retry_seconds, 5);
  end if;

  if p_outcome in ('declined', 'cancelled') then
    update payment_attempts set state = p_outcome::attempt_state, reference = coalesce(p_reference, reference), reason = p_reason, settled_at = shop_now()
    where id = attempt.id;
    if the_order.status in ('paying', 'unknown', 'action_required') then
      update orders set status = 'action_required', hold_until = coalesce(hold_until, shop_now() + make_interval(secs => p_hold_seconds))
      where id = the_order.id returning * into the_order;
      perform add_task(0::smallint, 3::smallint, 'expire', the_order.id, null, extract(epoch from the_order.hold_until - shop_now()) + 1);
      if p_outcome = 'declined' then perform add_notice(the_order.id, 'declined', jsonb_build_object('reason', p_reason)); end if;
    end if;
  elsif p_outcome = 'action_required' then
    if attempt.state = 'action_required' then return the_order.status; end if;
    update payment_attempts set state = 'action_required', reference = p_reference, redirect_url = p_redirect_url where id = attempt.id;
    update orders set status = 'action_required', hold_until = shop_now() + make_interval(secs => p_hold_seconds) where id = the_order.id;
    perform add_task(0::smallint, 3::smallint, 'expire', the_order.id, null, p_hold_seconds + 1);
    perform add_notice(the_order.id, 'action_required');
  elsif p_outcome = 'failed' then
    update payment_attempts set state = 'failed', reason = p_reason, settled_at = shop_now() where id = attempt.id;
    if the_order.status in ('paying', 'unknown') then
      update orders set status = 'received' where id = the_order.id;
      perform add_task(0::smallint, the_order.priority, 'pay', the_order.id, null, p_retry_seconds);
    end if;
  elsif p_outcome = 'unknown' then
    if attempt.state = 'unknown' then return the_order.status; end if;
    update payment_attempts set state = 'unknown', reason = p_reason, reference = coalesce(p_reference, reference) where id = attempt.id;
    if the_order.status in ('paying', 'action_required') then
      update orders set status = 'unknown', hold_until = null where id = the_order.id;
    end if;
    perform add_task(0::smallint, the_order.priority, 'resolve', the_order.id, null, p_retry_seconds);
  else
    raise exception 'settle_attempt does not know the outcome %', p_outcome;
  end if;
  select * into the_order from orders where id = attempt.order_id;
  return the_order.status;
end $$;
