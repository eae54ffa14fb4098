-- The others cannot be bought any more, and keep their row for their stock, their orders and their bundles.
-- Their SKU in a later import lists them again.
update variants set position = -1 where id = any ($1::integer[]) and position >= 0
