insert into carts (id, country, updated_at) values ($1::uuid, $2::text, shop_now())
on conflict (id) do update set country = excluded.country, updated_at = excluded.updated_at
returning id, lines, promotion_code, country
