select id, lines, promotion_code, country from carts where id = $1::uuid
