update products set published_at = to_timestamp($2::float8 / 1000) where handle = $1::text returning id
