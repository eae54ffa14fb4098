-- Parts that nobody sells.
select incoming.sku, incoming.component from incoming_components incoming
where not exists (select from variants v where v.sku = incoming.component)
order by incoming.sku, incoming.component
limit 3
