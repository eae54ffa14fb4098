-- Variants that their product's draft no longer has.
select v.id from variants v
where v.product_id in (select product_id from incoming_variants)
  and not exists (select from incoming_variants incoming where incoming.sku = v.sku)
