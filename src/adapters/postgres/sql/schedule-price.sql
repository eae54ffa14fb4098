insert into price_changes (variant_id, at, price, compare_at)
select id, to_timestamp($2::float8 / 1000), $3::bigint, $4::bigint from variants where sku = $1::text
on conflict (variant_id, at) do update set price = excluded.price, compare_at = excluded.compare_at
returning variant_id
