insert into promotions (code, kind, value, minimum_subtotal, starts_at, ends_at, usage_limit, limit_per_person)
select upper(code), kind, value, "minimumSubtotal",
  case when "startsAtMs" > 0 then to_timestamp("startsAtMs" / 1000) else '-infinity' end,
  -- The last moment that a Date can hold; whatever is beyond it has no end.
  case when "endsAtMs" < 8.64e15 then to_timestamp("endsAtMs" / 1000) else 'infinity' end,
  "usageLimit", "limitPerPerson"
from jsonb_to_recordset($1::text::jsonb) as draft (
  code text, kind text, value bigint, "minimumSubtotal" bigint, "startsAtMs" float8, "endsAtMs" float8, "usageLimit" integer, "limitPerPerson" integer
)
on conflict (code) do update set
  kind = excluded.kind, value = excluded.value, minimum_subtotal = excluded.minimum_subtotal, starts_at = excluded.starts_at,
  ends_at = excluded.ends_at, usage_limit = excluded.usage_limit, limit_per_person = excluded.limit_per_person
