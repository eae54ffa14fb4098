select c.id, c.handle, c.title, c.description,
  array(
    select p.handle from collection_products cp join products p on p.id = cp.product_id
    where cp.collection_id = c.id order by cp.position, p.id
  ) as products
from collections c
order by c.position, c.id
