select count(*)::int as orders from orders
