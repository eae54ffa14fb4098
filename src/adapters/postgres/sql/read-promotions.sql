select id, code, kind, value::float8 as value, minimum_subtotal::float8 as minimum_subtotal, limit_per_person,
  (extract(epoch from starts_at) * 1000)::float8 as starts_at_ms,
  (extract(epoch from ends_at) * 1000)::float8 as ends_at_ms
from promotions
order by id
