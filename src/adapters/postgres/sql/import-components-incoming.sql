insert into incoming_components
select sku, component, sum(quantity)
from jsonb_to_recordset($1::text::jsonb) as draft (sku text, component text, quantity integer)
group by sku, component
