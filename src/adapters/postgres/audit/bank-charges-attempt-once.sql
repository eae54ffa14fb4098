-- The books of the pretend provider; empty, and nothing to check, where another provider takes the money.
with broken as (
  select format('%s was charged %s times', attempt_key, count(*)) as example
  from sandbox_charges
  where state = 'succeeded'
  group by attempt_key
  having count(*) > 1
)
select (select count(*) from sandbox_charges) as checked, (select count(*) from broken) as breaches,
  array(select example from broken limit 5) as examples
