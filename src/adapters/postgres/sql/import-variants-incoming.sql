insert into incoming_variants
select "productId", position, sku, options, price, "compareAt", barcode, grams, taxable, "requiresShipping",
  policy::selling_policy, allowance, "shipsOn", "purchaseLimit", image, "onHand", "isBundle"
from jsonb_to_recordset($1::text::jsonb) as draft (
  "productId" integer, position smallint, sku text, options text[], price bigint, "compareAt" bigint, barcode text, grams integer,
  taxable boolean, "requiresShipping" boolean, policy text, allowance integer, "shipsOn" date, "purchaseLimit" integer,
  image text, "onHand" integer, "isBundle" boolean
)
