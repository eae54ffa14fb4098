-- The shopper offers another means of payment while the units are kept.
create or replace function retry_payment(p_order bigint, p_provider text, p_token text) returns boolean language plpgsql
set enable_seqscan to off
as $$
begin
  perform 1 from orders where id = p_order and status = 'action_required' for update;
  if not found or exists (select 1 from payment_attempts where order_id = p_order and state in ('pending', 'action_required', 'unknown')) then
    return false;
  end if;
  update orders set status = 'paying', hold_until = null, details = jsonb_set(details, '{payment}', jsonb_build_object('provider', p_provider, 'token', p_token))
  where id = p_order;
  insert into payment_attempts (order_id, provider, attempt_key, token, amount, currency, created_at)
  select o.id, p_provider,
         (select split_part(attempt_key, '-', 1) from payment_attempts where order_id = o.id limit 1)
           || '-' || (select count(*) + 1 from payment_attempts where order_id = o.id),
         p_token, o.total, o.currency, shop_now()
  from orders o where o.id = p_order;
  perform add_task(0::smallint, o.priority, 'pay', o.id, null, 0) from orders o where o.id = p_order;
  return true;
end $$;

-- Time ran out for the shopper to act. Only when no attempt is open: an open one is given up at the provider first.
create or replace function expire_order(p_order bigint) returns boolean language plpgsql
set enable_seqscan to off
as $$
begin
  perform 1 from orders where id = p_order and status = 'action_required' and hold_until <= shop_now() for update;
  if not found or exists (select 1 from payment_attempts where order_id = p_order and state in ('pending', 'action_required', 'unknown')) then
    return false;
  end if;
  update orders set status = 'expired' where id = p_order;
  perform end_holds(p_order, 'expire');
  perform add_notice(p_order, 'expired');
  return true;
end $$;

-- The shopper or the shop gives an order up. Answers what happened: 'cancelled'; 'refunding' when money goes back;
-- 'busy' while a charge is under way (ask again); 'too_late' once it has been shipped or has ended.
create or replace function cancel_order(p_order bigint, p_reason text) returns text language plpgsql
set enable_seqscan to off
as $$
declare
  the_order orders;
begin
  select * into the_order from orders where id = p_order for update;
  if not found then return 'not_found'; end if;
  if the_order.status = 'cancelled' then return 'cancelled'; end if;
  if the_order.status in ('received', 'action_required') then
    if exists (select 1 from payment_attempts where order_id = p_order and state in ('pending', 'action_required', 'unknown')) then return 'busy'; end if;
    update orders set status = 'cancelled', hold_until = null where id = p_order;
    perform end_holds(p_order, 'release');
    perform add_notice(p_order, 'cancelled', jsonb_build_object('reason', p_reason));
    return 'cancelled';
  elsif the_order.status in ('paying', 'unknown') then
    return 'busy';
  elsif the_order.status in ('paid', 'packed') then
    if exists (select 1 from refunds where order_id = p_order and state = 'pending') then return 'busy'; end if;
    update orders set status = 'cancelled' where id = p_order;
    perform end_sales(p_order, 'unsell');
    perform add_notice(p_order, 'cancelled', jsonb_build_object('reason', p_reason));
    if begin_refund(p_order, the_order.total - the_order.refunded, 'cancelled', p_reason) = 'ok' then return 'refunding'; end if;
    return 'cancelled';
  end if;
  return 'too_late';
end $$;

-- Money goes back, or part of it. The key makes the same request twice the same refund.
create or replace function begin_refund(p_order bigint, p_amount bigint, p_key text, p_reason text) returns text language plpgsql
set enable_seqscan to off
as $$
declare
  the_order orders;
  attempt payment_attempts;
  the_key text;
  promised bigint;
begin
  select * into the_order from orders where id = p_order for update;
  if not found then return 'not_found'; end if;
  select * into attempt from payment_attempts where order_id = p_order and state = 'succeeded';
  if not found then return 'not_paid'; end if;
  the_key := attempt.attempt_key || '-' || p_key;
  if exists (select 1 from refunds where refund_key = the_key) then return 'ok'; end if;
  select coalesce(sum(amount), 0) into promised from refunds where attempt_id = attempt.id and state in ('pending', 'succeeded');
  if p_amount <= 0 or promised + p_amount > attempt.amount then return 'too_much'; end if;
  insert into refunds (order_id, attempt_id, refund_key, amount, reason, created_at)
  values (p_order, attempt.id, the_key, p_amount, p_reason, shop_now());
  perform add_task(0::smallint, 2::smallint, 'refund', p_order, jsonb_build_object('refundKey', the_key), 0);
  return 'ok';
end $$;

-- What became of a refund, found by our key or by what the provider calls it. Idempotent. A failed one stays on record
-- and can be asked for again under another key.
create or replace function settle_refund(p_refund_key text, p_provider text, p_succeeded boolean, p_reference text, p_reason text) returns boolean language plpgsql
set enable_seqscan to off
as $$
declare
  refund refunds;
  the_order orders;
  surplus boolean;
begin
  if p_refund_key is not null then select * into refund from refunds where refund_key = p_refund_key; end if;
  if refund.id is null then
    select r.* into refund from refunds r join payment_attempts a on a.id = r.attempt_id
    where r.reference = p_reference and a.provider = p_provider;
  end if;
  if refund.id is null then return false; end if;
  select * into the_order from orders where id = refund.order_id for update;
  select * into refund from refunds where id = refund.id for update;
  if refund.state <> 'pending' then return true; end if;
  update refunds set state = case when p_succeeded then 'succeeded' else 'failed' end, reference = coalesce(p_reference, reference),
    reason = coalesce(p_reason, reason), settled_at = shop_now() where id = refund.id;
  if not p_succeeded then
    perform add_task(2::smallint, 2::smallint, 'operator_alert', refund.order_id, jsonb_build_object('refundKey', refund.refund_key, 'reason', p_reason), 0);
    return true;
  end if;
  select state = 'surplus' into surplus from payment_attempts where id = refund.attempt_id;
  if surplus then
    insert into order_events (order_id, at, text) values (refund.order_id, shop_now(), 'A charge that came too late was given back.');
    return true;
  end if;
  update orders set refunded = refunded + refund.amount,
    status = case when refunded + refund.amount >= total then 'refunded'
                  when status = 'cancelled' then status else 'part_refunded' end::order_status
  where id = the_order.id returning * into the_order;
  -- Paid back in full before anything was sent: nothing will be sent, and the units go back on sale.
  if the_order.status = 'refunded' and not exists (select 1 from stock_entries where order_id = the_order.id and kind in ('ship', 'unsell')) then
    perform end_sales(the_order.id, 'unsell');
  end if;
  perform add_notice(refund.order_id, 'refunded', jsonb_build_object('amount', refund.amount));
  return true;
end $$;

-- The parcel's way. Answers false when the order is not in a state for it.
create or replace function fulfil_order(p_order bigint, p_status order_status, p_tracking jsonb) returns boolean language plpgsql
set enable_seqscan to off
as $$
declare
  the_order orders;
begin
  select * into the_order from orders where id = p_order for update;
  if not found then return false; end if;
  if the_order.status = p_status then return true; end if;
  if not exists (select 1 from order_transitions where from_status = the_order.status and to_status = p_status) then return false; end if;
  -- What a partial refund has hidden in the status, the ledger still knows: whether the parcel has left.
  if exists (select 1 from stock_entries where order_id = p_order and kind in ('ship', 'unsell')) <> (p_status = 'delivered') then return false; end if;
  if p_status = 'shipped' then perform end_sales(p_order, 'ship'); end if;
  update orders set status = p_status, tracking = coalesce(p_tracking, tracking), delay = null where id = p_order;
  if p_status in ('shipped', 'delivered') then perform add_notice(p_order, p_status::text); end if;
  return true;
end $$;

-- A delay is told once in the same words.
create or replace function announce_delay(p_order bigint, p_text text) returns boolean language plpgsql
set enable_seqscan to off
as $$
begin
  update orders set delay = p_text where id = p_order and delay is distinct from p_text
    and status in ('received', 'paying', 'action_required', 'unknown', 'paid', 'packed', 'shipped', 'part_refunded');
  if not found then return false; end if;
  insert into order_events (order_id, at, text) values (p_order, shop_now(), p_text);
  perform add_notice(p_order, 'delayed', jsonb_build_object('text', p_text));
  return true;
end $$;
