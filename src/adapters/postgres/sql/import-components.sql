insert into variant_components (variant_id, component_id, quantity)
select bundle.id, part.id, incoming.quantity
from incoming_components incoming
join variants bundle on bundle.sku = incoming.sku
join variants part on part.sku = incoming.component
