delete from collection_products
where collection_id in (
  select c.id from jsonb_to_recordset($1::text::jsonb) as draft (handle text) join collections c on c.handle = draft.handle
)
