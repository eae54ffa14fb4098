select * from place_orders(
  $1::bigint, $2::float8, $3::float8, $4::text, $5::boolean,
  $6::uuid[], $7::uuid[], $8::smallint[], $9::text[], $10::text[],
  $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::integer[],
  $17::integer[], $18::smallint[], $19::integer[], $20::integer[], $21::bigint[], $22::bigint[], $23::bigint[],
  $24::integer[], $25::integer[], $26::smallint[], $27::integer[], $28::integer[],
  $29::integer[], $30::integer[], $31::integer[], $32::integer[], $33::uuid[],
  $34::integer[], $35::integer[], $36::text[], $37::integer[], $38::bigint[], $39::boolean[]
)
