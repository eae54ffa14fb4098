-- Bundles that hold a bundle, which nothing here would take apart.
select bundle.sku, part.sku as component
from variant_components outside
join variant_components inside on inside.variant_id = outside.component_id
join variants bundle on bundle.id = outside.variant_id
join variants part on part.id = outside.component_id
group by bundle.sku, part.sku
order by bundle.sku, part.sku
limit 3
