with sums as (
  select attempt_id, sum(amount) filter (where state in ('pending', 'succeeded')) as amount, bool_or(a_order <> order_id) as is_crossed,
    min(order_id) as order_id, bool_or(a_state not in ('succeeded', 'surplus') or a_state is null) as is_unfounded, min(a_amount) as charged
  from (
    select r.*, a.order_id as a_order, a.state as a_state, a.amount as a_amount
    from refunds r left join payment_attempts a on a.id = r.attempt_id
  ) joined
  group by attempt_id
), broken as (
  select format('order %s: %s of a charge of %s go back', order_id, amount, charged) as example
  from sums
  where amount > charged or is_crossed or is_unfounded
)
select (select count(*) from refunds) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
