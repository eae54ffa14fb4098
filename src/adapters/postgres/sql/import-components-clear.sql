delete from variant_components
where variant_id in (select v.id from incoming_variants incoming join variants v on v.sku = incoming.sku)
