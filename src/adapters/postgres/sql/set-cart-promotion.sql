insert into carts (id, promotion_code, updated_at) values ($1::uuid, $2::text, shop_now())
on conflict (id) do update set promotion_code = excluded.promotion_code, updated_at = excluded.updated_at
returning id, lines, promotion_code, country
