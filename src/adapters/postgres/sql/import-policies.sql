-- Once for those that may sell more than before ($1 true), once for the others: with the count between the two, no
-- level is ever short on the way from one sound state to another.
update variants v set policy = incoming.policy, allowance = incoming.allowance, ships_on = incoming.ships_on
from incoming_variants incoming
where v.sku = incoming.sku and (incoming.allowance > v.allowance) = $1::boolean
  and (v.policy, v.allowance, v.ships_on) is distinct from (incoming.policy, incoming.allowance, incoming.ships_on)
