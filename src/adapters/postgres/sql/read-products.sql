select id, handle, title, description_html, vendor, type, tags, option_names, images, seo_title, seo_description,
  (extract(epoch from published_at) * 1000)::float8 as published_at_ms
from products
order by id
