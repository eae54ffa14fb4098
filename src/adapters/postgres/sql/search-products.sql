-- What the shopper wrote, and the same with its last word as a beginning, so that "jack" finds a jacket before it is
-- written out. A query may end in a parenthesis (a phrase ruled out), behind which no ":*" can stand. Where no word is
-- found at all, any place in the title will do.
with asked as (
  select websearch_to_tsquery('english', $1::text) as whole
), queries as (
  select whole, case when whole::text like '%''' then (whole::text || ':*')::tsquery else whole end as beginning from asked
), found as (
  select p.id, p.handle, p.published_at, ts_rank(p.search, whole) as rank, ts_rank(p.search, beginning) as beginning_rank
  from products p, queries
  where (p.search @@ whole or p.search @@ beginning) and p.published_at <= shop_now()
)
select handle from (
  select handle, rank, beginning_rank, published_at, id from found
  union all
  select handle, 0, 0, published_at, id from products
  where not exists (select from found) and title ilike $2::text and published_at <= shop_now()
) matches
order by rank desc, beginning_rank desc, published_at desc, id desc
limit $3::integer offset $4::integer
