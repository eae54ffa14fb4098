-- The lines of a cart with one of them changed, in their order. `p_add` adds to what is there, else the line becomes
-- `p_quantity`; at 0 it is gone. A line that is not there yet goes last. Null when there is no room for another.
create or replace function cart_lines_with(p_lines jsonb, p_sku text, p_quantity integer, p_add boolean, p_lines_max integer, p_quantity_max integer)
returns jsonb language plpgsql immutable as $$
declare
  there integer;
  quantity integer;
begin
  select (line ->> 'quantity')::integer into there from jsonb_array_elements(p_lines) line where line ->> 'sku' = p_sku;
  quantity := least(greatest(case when p_add then coalesce(there, 0)::bigint + p_quantity else p_quantity end, 0), p_quantity_max);
  if there is null then
    if quantity = 0 then return p_lines; end if;
    if jsonb_array_length(p_lines) >= p_lines_max then return null; end if;
    return p_lines || jsonb_build_object('sku', p_sku, 'quantity', quantity);
  end if;
  return (
    select coalesce(jsonb_agg(case when line ->> 'sku' = p_sku then line || jsonb_build_object('quantity', quantity) else line end order by place), '[]')
    from jsonb_array_elements(p_lines) with ordinality as t (line, place)
    where quantity > 0 or line ->> 'sku' <> p_sku
  );
end $$;
