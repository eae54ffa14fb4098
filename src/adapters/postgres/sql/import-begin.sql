-- What an import brings, until it is merged. Gone with the transaction.
create temporary table incoming_variants (
  product_id integer not null,
  position smallint not null,
  sku text primary key,
  options text[] not null,
  price bigint not null,
  compare_at bigint,
  barcode text not null,
  grams integer not null,
  taxable boolean not null,
  requires_shipping boolean not null,
  policy selling_policy not null,
  allowance integer not null,
  ships_on date,
  purchase_limit integer,
  image text,
  on_hand integer,
  is_bundle boolean not null
) on commit drop;
create temporary table incoming_components (
  sku text not null,
  component text not null,
  quantity integer not null,
  primary key (sku, component)
) on commit drop
