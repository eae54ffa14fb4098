-- Tells an operator, once, that a level has fallen below the mark that was set for it; and again only after it had risen.
-- Whoever changes a level comes through here (orders, counts, imports, policies), and for the price of one comparison:
-- the function itself runs only at the crossing.
create or replace function stock_levels_crossing() returns trigger language plpgsql as $$
begin
  new.alerted := not old.alerted;
  if new.alerted then
    perform add_task(2::smallint, 2::smallint, 'stock_alert', null, jsonb_build_object('levelId', new.id), 0);
  end if;
  return new;
end $$;
create or replace trigger crossing before update on stock_levels for each row
  when (old.alerted is distinct from (greatest(new.on_hand - new.safety - new.held - new.sold + new.allowance, 0) < new.low_stock_at))
  execute function stock_levels_crossing();
