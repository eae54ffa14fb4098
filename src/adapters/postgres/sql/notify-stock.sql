-- Whoever remembers something as sold out forgets it.
select pg_notify('stock', '')
