-- Products that a collection names and nobody sells.
select draft.handle, wanted.product
from jsonb_to_recordset($1::text::jsonb) as draft (handle text, products text[])
cross join unnest(draft.products) as wanted (product)
where not exists (select from products p where p.handle = wanted.product)
limit 3
