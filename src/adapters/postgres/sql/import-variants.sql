-- How a variant is sold when its stock is gone is left as it is here: import-policies.sql changes it, beside the stock.
insert into variants (product_id, position, sku, options, price, compare_at, barcode, grams, taxable, requires_shipping,
                      policy, allowance, ships_on, purchase_limit, image)
select product_id, position, sku, options, price, compare_at, barcode, grams, taxable, requires_shipping,
       policy, allowance, ships_on, purchase_limit, image
from incoming_variants
order by product_id, position
on conflict (sku) do update set
  position = excluded.position, options = excluded.options, price = excluded.price, compare_at = excluded.compare_at,
  barcode = excluded.barcode, grams = excluded.grams, taxable = excluded.taxable,
  requires_shipping = excluded.requires_shipping, purchase_limit = excluded.purchase_limit, image = excluded.image
