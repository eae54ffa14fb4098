insert into products (handle, title, description_html, vendor, type, tags, published_at, option_names, images, seo_title, seo_description)
select handle, title, "descriptionHtml", vendor, type, tags, to_timestamp("publishedAtMs" / 1000), "optionNames", images, "seoTitle", "seoDescription"
from jsonb_to_recordset($1::text::jsonb) as draft (
  place integer, handle text, title text, "descriptionHtml" text, vendor text, type text, tags text[], "publishedAtMs" float8,
  "optionNames" text[], images jsonb, "seoTitle" text, "seoDescription" text
)
order by place
on conflict (handle) do update set
  title = excluded.title, description_html = excluded.description_html, vendor = excluded.vendor, type = excluded.type,
  tags = excluded.tags, published_at = excluded.published_at, option_names = excluded.option_names,
  images = excluded.images, seo_title = excluded.seo_title, seo_description = excluded.seo_description
-- xmax is 0 only in a row that this statement made.
returning id, handle, xmax = 0 as is_new
