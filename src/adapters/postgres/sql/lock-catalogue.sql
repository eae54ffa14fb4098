-- One writer of the catalogue at a time, on the row that each of them touches in the end. Taken first, so that no two
-- writers wait for each other crosswise. Readers and orders do not wait here: they read the row without locking it.
select from shop_state for update
