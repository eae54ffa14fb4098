-- A position below zero: no longer in its product's list, and kept for its stock and its orders (remove-variants.sql).
select id, product_id, sku, options, price::float8 as price, compare_at::float8 as compare_at, barcode, grams, taxable,
  requires_shipping, policy::text as policy, allowance, ships_on::text as ships_on, purchase_limit, image
from variants
where position >= 0
order by product_id, position, id
