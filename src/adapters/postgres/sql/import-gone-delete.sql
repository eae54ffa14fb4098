-- Apart from the statement that empties their levels, for the sake of the foreign key.
delete from variants where id = any ($1::integer[])
