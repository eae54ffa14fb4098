-- Money that was taken belongs to an order that wants it, or is on its way back. The step that ends the order's wish
-- for it writes the refund in the same commit, so there is no moment to wait for; only a refund that failed leaves a
-- stray, and an operator was told of it.
with taken as (
  select a.id, a.order_id, a.attempt_key, a.state, a.amount, o.status,
    coalesce((select sum(r.amount) from refunds r where r.attempt_id = a.id and r.state in ('pending', 'succeeded')), 0) as given_back
  from payment_attempts a
  left join orders o on o.id = a.order_id
  where a.state in ('succeeded', 'surplus')
), broken as (
  select format('%s of the %s order %s: %s were taken (%s), %s go back', attempt_key, coalesce(status::text, 'missing'), order_id, amount, state, given_back) as example
  from taken
  where not (state = 'succeeded' and coalesce(status in ('paid', 'packed', 'shipped', 'delivered', 'part_refunded', 'refunded'), false))
    and given_back < amount
)
select (select count(*) from taken) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
