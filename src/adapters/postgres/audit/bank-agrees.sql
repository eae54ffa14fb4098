-- The shop's books against the pretend provider's, whose word is the truth about money. While an attempt is open the
-- shop may not know yet; once it has an end, both must tell the same.
with bank as (
  select attempt_key, bool_or(state = 'succeeded') as is_taken, min(amount) as amount, min(currency) as currency,
    sum(refunded) as refunded
  from sandbox_charges
  group by attempt_key
), shop as (
  select attempt_key, state, amount, currency, state in ('succeeded', 'surplus') as is_taken,
    state in ('pending', 'action_required', 'unknown') as is_open,
    coalesce((select sum(r.amount) from refunds r where r.attempt_id = a.id and r.state = 'succeeded'), 0) as refunded
  from payment_attempts a
  -- Where these books are empty, the pretend provider of this shop keeps them elsewhere.
  where starts_with(provider, 'sandbox') and exists (select from sandbox_charges)
), broken as (
  select case
    when shop.attempt_key is null then format('%s: charged %s %s, and the shop knows of no such attempt', bank.attempt_key, bank.amount, bank.currency)
    when bank.is_taken is not true then format('%s: the shop calls it %s, and nothing was charged', shop.attempt_key, shop.state)
    when not shop.is_taken then format('%s: charged %s %s, and the shop calls it %s', bank.attempt_key, bank.amount, bank.currency, shop.state)
    when shop.refunded > bank.refunded then format('%s: the shop says that %s went back, the provider gave back %s', bank.attempt_key, shop.refunded, bank.refunded)
    else format('%s: charged %s %s instead of %s %s', bank.attempt_key, bank.amount, bank.currency, shop.amount, shop.currency)
  end as example
  from bank
  full join shop on shop.attempt_key = bank.attempt_key
  where (bank.is_taken and shop.attempt_key is null)
    or (shop.is_taken and bank.is_taken is not true)
    or (bank.is_taken and not shop.is_taken and not shop.is_open)
    or (bank.is_taken and ((bank.amount, bank.currency) <> (shop.amount, shop.currency) or shop.refunded > bank.refunded))
)
select (select count(*) from bank) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
