-- One statement, so two tabs at once lose nothing: the second waits for the row and then sees what the first wrote.
insert into carts (id, lines, updated_at)
values ($1::uuid, coalesce(cart_lines_with('[]', $2::text, $3::integer, $4::boolean, $5::integer, $6::integer), '[]'), shop_now())
on conflict (id) do update set
  -- Null when there is no room for another line: then the cart stays as it is.
  lines = coalesce(cart_lines_with(carts.lines, $2::text, $3::integer, $4::boolean, $5::integer, $6::integer), carts.lines),
  updated_at = excluded.updated_at
returning id, lines, promotion_code, country
