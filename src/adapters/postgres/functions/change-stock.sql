-- An operator's change of one level: 'set' to a count, 'receive' a delivery, 'adjust' by a difference, or its 'policy'
-- (what is withheld, when to warn). Level and ledger in one commit; refused when what was promised could not be kept.
-- A level, and its location, begin with the first change that names them.
--
-- Outcomes: 'changed', with the level as it is now; 'not_found', no such SKU; 'bundle', it has its parts' stock; 'short',
-- with the level as it is and `units`, what would have been left.
--
-- The variant's levels are locked as the order path locks them, by location: a new level may move the variant's
-- allowance from one to another.
create or replace function change_stock(
  p_sku text, p_location text, p_kind text, p_quantity integer, p_safety_percent integer, p_low_stock_at integer, p_reason text,
  out outcome text, out units bigint,
  out variant_id integer, out location text, out on_hand integer, out held integer, out sold integer, out safety integer,
  out safety_percent integer, out allowance integer, out low_stock_at integer
) language plpgsql
-- A shop that has just opened has empty tables, and a plan made then would read them whole for ever after.
set enable_seqscan to off
as $$
declare
  level stock_levels;
  place locations;
  free_before bigint;
begin
  select v.id into variant_id from variants v where v.sku = p_sku;
  if not found then outcome := 'not_found'; return; end if;
  if exists (select from variant_components c where c.variant_id = change_stock.variant_id) then outcome := 'bundle'; return; end if;

  if p_location is null then select * into place from locations order by position, id limit 1;
  else select * into place from locations where code = p_location;
  end if;
  location := coalesce(place.code, p_location);

  perform from stock_levels l where l.variant_id = change_stock.variant_id order by l.location_id for update;
  select * into level from stock_levels l where l.variant_id = change_stock.variant_id and l.location_id = place.id;
  units := case p_kind when 'set' then 0 else coalesce(level.on_hand, 0) end::bigint + coalesce(p_quantity, 0);

  -- As many as the building holds must be there for what was promised, less what may be promised without them.
  if units < greatest(0, coalesce(level.held + level.sold - level.allowance, 0)) or units > 2147483647 then
    outcome := 'short';
  else
    if place.id is null then
      insert into locations (code, name, position) select p_location, p_location, max(position) + 1 from locations
      on conflict (code) do update set code = excluded.code returning * into place;
    end if;
    if level.id is null then
      insert into stock_levels (variant_id, location_id) values (change_stock.variant_id, place.id)
      on conflict on constraint stock_levels_variant_id_location_id_key do nothing;
      -- Anew: its allowance came with a trigger, or the level with somebody else.
      select * into level from stock_levels l where l.variant_id = change_stock.variant_id and l.location_id = place.id for update;
      units := case p_kind when 'set' then 0 else level.on_hand end::bigint + coalesce(p_quantity, 0);
    end if;
    free_before := level.on_hand - level.safety - level.held - level.sold + level.allowance;

    if p_kind <> 'policy' then
      insert into stock_entries (at, level_id, kind, on_hand_delta, reason)
      values (shop_now(), level.id, p_kind::stock_entry_kind, units - level.on_hand, p_reason);
    end if;
    update stock_levels l set
      on_hand = units,
      safety_percent = coalesce(p_safety_percent, l.safety_percent),
      safety = (units * coalesce(p_safety_percent, l.safety_percent) + 99) / 100,
      low_stock_at = coalesce(p_low_stock_at, l.low_stock_at)
    where l.id = level.id
    returning * into level;
    outcome := 'changed';
    -- What was sold out may be for sale again: whoever remembers it as sold out forgets that.
    if level.on_hand - level.safety - level.held - level.sold + level.allowance > free_before then
      perform pg_notify('stock', '');
    end if;
  end if;

  on_hand := coalesce(level.on_hand, 0); held := coalesce(level.held, 0); sold := coalesce(level.sold, 0);
  safety := coalesce(level.safety, 0); safety_percent := coalesce(level.safety_percent, 0);
  allowance := coalesce(level.allowance, 0); low_stock_at := coalesce(level.low_stock_at, 0);
end $$;
