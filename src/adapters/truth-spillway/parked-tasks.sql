-- Tasks that no worker will take again by itself.
select
  (select count(*)::int from outbox) as looked,
  count(*)::int as parked,
  coalesce(array_agg(format('%s of order %s: %s', topic, order_id, coalesce(last_error, ''))) filter (where true), '{}') as examples
from (select topic, order_id, last_error from outbox where run_at = 'infinity' order by id limit 1000) as parked
