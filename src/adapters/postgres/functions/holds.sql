-- Ends every hold of an order, in exactly one way: 'sell' when it is paid, 'release' when it is given up, 'expire'
-- when time ran out. The unique index on the ledger makes a second end impossible; levels are locked in the order
-- that the order path uses.
create or replace function end_holds(p_order bigint, p_kind stock_entry_kind) returns void language plpgsql
set enable_seqscan to off
as $$
begin
  if p_kind not in ('sell', 'ship') then
    -- Promotions before stock, as the order path locks them.
    perform 1 from promotion_uses where promotion_id = (select promotion_id from orders where id = p_order) for update;
  end if;
  perform 1 from stock_levels l
  where l.id in (select level_id from stock_entries where order_id = p_order and kind = 'hold')
  order by l.variant_id, l.location_id for update;

  insert into stock_entries (at, level_id, kind, held_delta, sold_delta, order_id, line_no)
  select shop_now(), level_id, p_kind, -held_delta, case when p_kind = 'sell' then held_delta else 0 end, order_id, line_no
  from stock_entries where order_id = p_order and kind = 'hold';

  update stock_levels l set held = l.held - d.quantity, sold = l.sold + case when p_kind = 'sell' then d.quantity else 0 end
  from (select level_id, sum(held_delta)::integer as quantity from stock_entries
        where order_id = p_order and kind = 'hold' group by level_id) d
  where l.id = d.level_id;

  if p_kind <> 'sell' then
    perform give_back_limits(p_order);
    perform pg_notify('stock', '');
  end if;
end $$;

-- What was sold leaves the building ('ship'), or goes back on sale ('unsell').
create or replace function end_sales(p_order bigint, p_kind stock_entry_kind) returns void language plpgsql
set enable_seqscan to off
as $$
begin
  if p_kind not in ('sell', 'ship') then
    -- Promotions before stock, as the order path locks them.
    perform 1 from promotion_uses where promotion_id = (select promotion_id from orders where id = p_order) for update;
  end if;
  perform 1 from stock_levels l
  where l.id in (select level_id from stock_entries where order_id = p_order and kind = 'hold')
  order by l.variant_id, l.location_id for update;

  insert into stock_entries (at, level_id, kind, on_hand_delta, sold_delta, order_id, line_no)
  select shop_now(), level_id, p_kind, case when p_kind = 'ship' then -held_delta else 0 end, -held_delta, order_id, line_no
  from stock_entries where order_id = p_order and kind = 'hold';

  update stock_levels l set sold = l.sold - d.quantity, on_hand = l.on_hand - case when p_kind = 'ship' then d.quantity else 0 end
  from (select level_id, sum(held_delta)::integer as quantity from stock_entries
        where order_id = p_order and kind = 'hold' group by level_id) d
  where l.id = d.level_id;

  if p_kind = 'unsell' then
    perform give_back_limits(p_order);
    perform pg_notify('stock', '');
  end if;
end $$;

-- An order that is given up no longer counts against its person's limits or its code's uses.
create or replace function give_back_limits(p_order bigint) returns void language plpgsql
set enable_seqscan to off
as $$
begin
  update promotion_uses u set used = u.used - 1 from orders o
  where o.id = p_order and u.promotion_id = o.promotion_id;
  perform 1 from person_counts c join order_persons p on p.subject = c.subject and p.person = c.person
  where p.order_id = p_order order by c.subject, c.person for update of c;
  update person_counts c set quantity = c.quantity - p.quantity from order_persons p
  where p.order_id = p_order and c.subject = p.subject and c.person = p.person;
end $$;
