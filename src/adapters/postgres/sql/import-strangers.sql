-- SKUs that another product has already.
select incoming.sku, mine.handle, theirs.handle as owner
from incoming_variants incoming
join variants on variants.sku = incoming.sku and variants.product_id <> incoming.product_id
join products mine on mine.id = incoming.product_id
join products theirs on theirs.id = variants.product_id
order by incoming.sku
limit 3
