insert into collection_products (collection_id, product_id, position)
select c.id, p.id, min(wanted.place)
from jsonb_to_recordset($1::text::jsonb) as draft (handle text, products text[])
join collections c on c.handle = draft.handle
cross join unnest(draft.products) with ordinality as wanted (product, place)
join products p on p.handle = wanted.product
group by c.id, p.id
