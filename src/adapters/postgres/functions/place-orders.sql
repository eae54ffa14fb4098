-- Places a batch of orders in one call and one commit: locks the stock in variant order, decides in arrival order,
-- writes orders, lines, holds and outbox. One verdict per order; a refused order leaves nothing behind and never
-- fails its neighbours.
--
-- Arrays come in three lengths: per order (o_), per line (l_) and per need (n_). A need is what a line takes from
-- stock: the variant itself, or each part of a bundle. `l_order`, `n_order` and `n_line` are 1-based places;
-- needs are sorted by order; `s_variant` holds the distinct variants of all needs, ascending, and `n_slot` points into it.
--
-- Verdicts: 0 placed, 1 sold out, 2 over the limit for one person, 3 promotion used up, 4 placed before (same key,
-- same request), 5 same key with another request, 6 priced from an old reading: price it again, 7 its pass has bought an
-- order before.
--
-- Locks are taken in one order everywhere: promotions, stock levels, purchase counts, orders, passes.
drop function if exists place_orders;
create function place_orders(
  p_revision bigint, p_valid_from double precision, p_valid_until double precision,
  p_currency text, p_tax_included boolean,
  o_key uuid[], o_request uuid[], o_priority smallint[], o_email text[], o_details text[],
  o_subtotal bigint[], o_discount bigint[], o_shipping bigint[], o_tax bigint[], o_total bigint[], o_promotion integer[],
  l_order integer[], l_no smallint[], l_variant integer[], l_quantity integer[],
  l_price bigint[], l_discount bigint[], l_tax bigint[],
  s_variant integer[], n_order integer[], n_line smallint[], n_slot integer[], n_quantity integer[],
  -- Limits per person, only for the orders that meet any, sorted by order: which of the distinct pairs below, how many.
  m_order integer[], m_slot integer[], m_quantity integer[],
  -- Distinct pairs of subject (variant id, or minus a promotion's id) and person, ascending.
  d_subject integer[], d_person uuid[],
  -- Passes, only for the orders that need any, sorted by order; the distinct ones below, ascending.
  p_order integer[], p_slot integer[],
  w_room text[], w_epoch integer[], w_seq bigint[], w_once boolean[],
  out verdicts smallint[], out ids bigint[],
  -- For each need that fell short: its order, its line number, the variant it needs, what is left of that. For a limit: its order, 0, what the
  -- person may still have.
  out short_order integer[], out short_line smallint[], out short_variant integer[], out short_left integer[]
) language plpgsql
-- A shop that has just opened has empty tables, and a plan made then would read them whole for ever after.
set enable_seqscan to off
as $$
declare
  orders_count constant integer := cardinality(o_key);
  needs_count constant integer := cardinality(n_order);
  limits_count constant integer := cardinality(m_order);
  passes_count constant integer := cardinality(p_order);
  placed_at timestamptz;
  now_seconds double precision;
  row record;
  i integer; k integer := 1; m integer := 1; q integer := 1; j integer;
  first_m integer; first_q integer; first_h integer; first_short integer;
  slot integer; want integer; take integer; level integer; free integer;
  placed integer := 0; inserted integer;
  fine boolean;
  level_ids integer[]; level_variants integer[]; level_free integer[];
  slot_first integer[]; slot_last integer[]; slot_free integer[];
  h integer := 0; h_order bigint[]; h_line smallint[]; h_level integer[]; h_slot integer[]; h_quantity integer[];
  promotion_ids integer[]; promotion_left integer[]; promotion_taken integer[];
  d_left integer[];
  w_used boolean[];
begin
  verdicts := array_fill(0::smallint, array[orders_count]);
  ids := array_fill(0::bigint, array[orders_count]);
  short_order := '{}'; short_line := '{}'; short_variant := '{}'; short_left := '{}';

  -- Promotions first: few, and only when an order uses one.
  if exists (select 1 from unnest(o_promotion) p where p <> 0) then
    select array_agg(u.promotion_id), array_agg(coalesce(p.usage_limit - u.used, 2147483647)) into promotion_ids, promotion_left
    from (select promotion_id, used from promotion_uses where promotion_id = any (o_promotion) order by promotion_id for update) u
    join promotions p on p.id = u.promotion_id;
    promotion_taken := array_fill(0, array[coalesce(cardinality(promotion_ids), 0)]);
  end if;

  -- Stock, in variant order, then location order. Everybody who wants one of these waits here until our commit.
  select array_agg(id), array_agg(variant_id), array_agg(can_promise) into level_ids, level_variants, level_free
  from (select id, variant_id, on_hand - safety - held - sold + allowance as can_promise
        from stock_levels where variant_id = any (s_variant) order by variant_id, location_id for update) locked;

  -- Read after the locks: what we waited for may have changed the prices. The order is of this very instant, so that its
  -- price is the one that stood when it was placed.
  placed_at := coalesce(nullif(current_setting('spillway.now', true), '')::timestamptz, clock_timestamp());
  now_seconds := extract(epoch from placed_at);
  if (select revision from shop_state) <> p_revision or now_seconds < p_valid_from or now_seconds >= p_valid_until then
    verdicts := array_fill(6::smallint, array[orders_count]);
    return;
  end if;

  j := coalesce(cardinality(level_ids), 0);
  slot_first := array_fill(1, array[cardinality(s_variant)]);
  slot_last := array_fill(0, array[cardinality(s_variant)]);
  slot_free := array_fill(0, array[cardinality(s_variant)]);
  slot := 1;
  for level in 1..j loop
    while s_variant[slot] <> level_variants[level] loop slot := slot + 1; end loop;
    if slot_last[slot] = 0 then slot_first[slot] := level; end if;
    slot_last[slot] := level;
    slot_free[slot] := slot_free[slot] + greatest(level_free[level], 0);
  end loop;

  -- The same key before: the order that is there answers for it.
  for row in select o.key, o.id, o.request from orders o where o.key = any (o_key) loop
    i := array_position(o_key, row.key);
    ids[i] := row.id;
    verdicts[i] := case when row.request = o_request[i] then 4 else 5 end;
  end loop;

  if limits_count > 0 then
    insert into person_counts (subject, person, quantity)
    select subject, person, 0 from unnest(d_subject, d_person) as t (subject, person)
    on conflict do nothing;
    select array_agg(coalesce(v.purchase_limit, p.limit_per_person, 2147483647) - locked.quantity order by locked.place) into d_left
    from (select c.subject, c.quantity, d.place
          from unnest(d_subject, d_person) with ordinality as d (subject, person, place)
          join person_counts c on c.subject = d.subject and c.person = d.person
          order by d.place for update of c) locked
    left join variants v on v.id = locked.subject
    left join promotions p on p.id = -locked.subject;
  end if;

  if passes_count > 0 then
    select array_agg(w.once and exists (
      select from order_passes o where o.room = w.room and o.epoch = w.epoch and o.seq = w.seq and o.is_once
    ) order by w.place) into w_used
    from unnest(w_room, w_epoch, w_seq, w_once) with ordinality as w (room, epoch, seq, once, place);
  end if;

  h_order := array_fill(0::bigint, array[needs_count]);
  h_line := array_fill(0::smallint, array[needs_count]);
  h_level := array_fill(0, array[needs_count]);
  h_slot := array_fill(0, array[needs_count]);
  h_quantity := array_fill(0, array[needs_count]);

  for i in 1..orders_count loop
    first_h := h; first_m := m; first_short := cardinality(short_order);
    fine := verdicts[i] = 0;

    -- The pass.
    if passes_count > 0 then
      first_q := q;
      while q <= passes_count and p_order[q] = i loop
        if fine and w_used[p_slot[q]] then
          verdicts[i] := 7; fine := false;
        end if;
        q := q + 1;
      end loop;
    end if;

    -- The person.
    while m <= limits_count and m_order[m] = i loop
      -- Mailbox, door and card each: the least of what they may still have is what is told.
      if (fine or verdicts[i] = 2) and d_left[m_slot[m]] < m_quantity[m] then
        verdicts[i] := 2; fine := false;
        short_order := array_append(short_order, i);
        short_line := array_append(short_line, 0::smallint);
        short_variant := array_append(short_variant, 0);
        short_left := array_append(short_left, greatest(d_left[m_slot[m]], 0));
      end if;
      m := m + 1;
    end loop;

    -- The code.
    if fine and o_promotion[i] <> 0 then
      j := array_position(promotion_ids, o_promotion[i]);
      if j is null or promotion_left[j] <= 0 then
        verdicts[i] := 3; fine := false;
      end if;
    end if;

    -- The units: all of them or none.
    while k <= needs_count and n_order[k] = i loop
      if verdicts[i] <= 1 then
        slot := n_slot[k]; want := n_quantity[k];
        if slot_free[slot] < want then
          verdicts[i] := 1; fine := false;
          short_order := array_append(short_order, i);
          short_line := array_append(short_line, n_line[k]);
          short_variant := array_append(short_variant, s_variant[slot]);
          short_left := array_append(short_left, slot);
        elsif fine then
          slot_free[slot] := slot_free[slot] - want;
          level := slot_first[slot];
          while want > 0 loop
            free := level_free[level];
            if free > 0 then
              take := least(free, want);
              level_free[level] := free - take;
              want := want - take;
              h := h + 1;
              h_line[h] := n_line[k]; h_level[h] := level; h_slot[h] := slot; h_quantity[h] := take;
            end if;
            level := level + 1;
          end loop;
        end if;
      end if;
      k := k + 1;
    end loop;

    if fine then
      placed := placed + 1;
      ids[i] := nextval('order_ids');
      for j in first_h + 1..h loop h_order[j] := ids[i]; end loop;
      if o_promotion[i] <> 0 then
        j := array_position(promotion_ids, o_promotion[i]);
        promotion_left[j] := promotion_left[j] - 1;
        promotion_taken[j] := promotion_taken[j] + 1;
      end if;
      for j in first_m..m - 1 loop
        d_left[m_slot[j]] := d_left[m_slot[j]] - m_quantity[j];
      end loop;
      if passes_count > 0 then
        for j in first_q..q - 1 loop
          w_used[p_slot[j]] := w_once[p_slot[j]];
        end loop;
      end if;
    elsif verdicts[i] = 1 then
      -- One line fell short: the others go back.
      for j in first_h + 1..h loop
        level_free[h_level[j]] := level_free[h_level[j]] + h_quantity[j];
        slot_free[h_slot[j]] := slot_free[h_slot[j]] + h_quantity[j];
      end loop;
      h := first_h;
      -- What is left is told as it is for everybody, not as this order's other lines would have made it.
      for j in first_short + 1..cardinality(short_order) loop
        short_left[j] := slot_free[short_left[j]];
      end loop;
    end if;
  end loop;

  if placed = 0 then return; end if;

  insert into orders (id, key, request, priority, placed_at, email, details, currency, tax_included,
                      subtotal, discount, shipping, tax, total, promotion_id)
  select id, key, request, priority, placed_at, email, details::jsonb, p_currency, p_tax_included,
         subtotal, discount, shipping, tax, total, nullif(promotion, 0)
  from unnest(verdicts, ids, o_key, o_request, o_priority, o_email, o_details,
              o_subtotal, o_discount, o_shipping, o_tax, o_total, o_promotion)
    as t (verdict, id, key, request, priority, email, details, subtotal, discount, shipping, tax, total, promotion)
  where verdict = 0
  on conflict (key) do nothing;
  get diagnostics inserted = row_count;
  if inserted <> placed then
    -- Another process placed one of these keys between our look and our write. Roll back; the caller sends the batch again.
    raise exception 'a key was placed meanwhile' using errcode = 'SW001';
  end if;

  insert into order_lines (order_id, line_no, variant_id, quantity, unit_price, discount, tax, sku, title, options)
  select ids[t.o], t.no, t.variant, t.quantity, t.price, t.discount, t.tax, v.sku, p.title, v.options
  from unnest(l_order, l_no, l_variant, l_quantity, l_price, l_discount, l_tax)
    as t (o, no, variant, quantity, price, discount, tax)
  join variants v on v.id = t.variant
  join products p on p.id = v.product_id
  where verdicts[t.o] = 0;

  insert into stock_entries (at, level_id, kind, held_delta, order_id, line_no)
  select placed_at, level_ids[t.level], 'hold', t.quantity, t.order_id, t.line_no
  from unnest(h_order[:h], h_line[:h], h_level[:h], h_quantity[:h]) as t (order_id, line_no, level, quantity);

  update stock_levels l set held = l.held + d.quantity
  from (select level_ids[t.level] as id, sum(t.quantity)::integer as quantity
        from unnest(h_level[:h], h_quantity[:h]) as t (level, quantity) group by 1) d
  where l.id = d.id;

  if promotion_taken is not null then
    update promotion_uses u set used = used + t.taken
    from unnest(promotion_ids, promotion_taken) as t (id, taken) where u.promotion_id = t.id and t.taken > 0;
  end if;

  if limits_count > 0 then
    insert into order_persons (order_id, subject, person, quantity)
    select ids[o], d_subject[place], d_person[place], quantity
    from unnest(m_order, m_slot, m_quantity) as t (o, place, quantity) where verdicts[o] = 0;
    update person_counts c set quantity = c.quantity + t.quantity
    from (select t.place, sum(t.quantity)::integer as quantity
          from unnest(m_order, m_slot, m_quantity) as t (o, place, quantity) where verdicts[o] = 0 group by 1) t
    where c.subject = d_subject[t.place] and c.person = d_person[t.place];
  end if;

  if passes_count > 0 then
    insert into order_passes (order_id, room, epoch, seq, is_once)
    select ids[t.o], w.room, w.epoch, w.seq, w.once
    from unnest(p_order, p_slot) as t (o, slot)
    join unnest(w_room, w_epoch, w_seq, w_once) with ordinality as w (room, epoch, seq, once, place) on w.place = t.slot
    where verdicts[t.o] = 0 order by t.slot
    on conflict (room, epoch, seq) where is_once do nothing;
    get diagnostics inserted = row_count;
    if inserted <> (select count(*) from unnest(p_order) as t (o) where verdicts[t.o] = 0) then
      raise exception 'a pass was used meanwhile' using errcode = 'SW001';
    end if;
  end if;

  insert into outbox (lane, priority, run_at, topic, order_id, created_at)
  select 0, priority, placed_at, 'pay', id, placed_at from unnest(verdicts, ids, o_priority) as t (verdict, id, priority) where verdict = 0;
  perform pg_notify('outbox', '');
end $$;
