insert into collections (handle, title, description, position)
select handle, title, description, place
from jsonb_to_recordset($1::text::jsonb) as draft (place integer, handle text, title text, description text)
order by place
on conflict (handle) do update set title = excluded.title, description = excluded.description, position = excluded.position
