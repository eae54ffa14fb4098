-- Orders whose payment is still on its way; those that wait for their shopper are not.
select count(*)::int as open
from orders
where status in ('received', 'paying', 'unknown')
