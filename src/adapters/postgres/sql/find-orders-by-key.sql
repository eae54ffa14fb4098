select o.key, o.id, o.request from unnest($1::uuid[]) as wanted (key) join lateral (
  -- One look into the index per key, whatever the planner believes about the size of the table.
  select key, id, request from orders where orders.key = wanted.key limit 1
) o on true
