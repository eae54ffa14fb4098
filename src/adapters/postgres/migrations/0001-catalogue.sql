-- What is sold, at which price, and the settings of the shop that sells it. Read whole into memory by every shop
-- process; `shop_state.revision` says which reading an order was priced from.

create table shop_state (
  only_row boolean primary key default true check (only_row),
  revision bigint not null default 1
);
insert into shop_state default values;

-- Name, currency, taxes, shipping and the like, as one JSON document; see src/commerce/pricing/shop-settings.ts.
create table shop_settings (
  only_row boolean primary key default true check (only_row),
  settings jsonb not null
);

-- Keys that sign cookies and order links: shared by every process, made once.
create table secrets (
  name text primary key,
  value bytea not null
);

create table products (
  id integer generated always as identity primary key,
  handle text not null unique,
  title text not null,
  description_html text not null default '',
  vendor text not null default '',
  type text not null default '',
  tags text[] not null default '{}',
  published_at timestamptz,
  option_names text[] not null default '{}',
  -- [{src, alt, width, height}], in order.
  images jsonb not null default '[]',
  seo_title text not null default '',
  seo_description text not null default '',
  created_at timestamptz not null default now(),
  search tsvector not null default ''
);
create index products_search on products using gin (search);

-- Title first, then what it is and who made it, then the text without its tags.
create function products_search_update() returns trigger language plpgsql as $$
begin
  new.search :=
    setweight(to_tsvector('english', new.title), 'A') ||
    setweight(to_tsvector('english', concat_ws(' ', new.type, new.vendor, array_to_string(new.tags, ' '))), 'B') ||
    setweight(to_tsvector('english', regexp_replace(new.description_html, '<[^>]*>', ' ', 'g')), 'C');
  return new;
end $$;
create trigger products_search before insert or update on products for each row execute function products_search_update();

create type selling_policy as enum ('deny', 'backorder', 'preorder');

create table variants (
  id integer generated always as identity primary key,
  product_id integer not null references products on delete cascade,
  position smallint not null,
  sku text not null unique,
  options text[] not null default '{}',
  price bigint not null check (price >= 0),
  compare_at bigint check (compare_at >= 0),
  barcode text not null default '',
  grams integer not null default 0,
  taxable boolean not null default true,
  requires_shipping boolean not null default true,
  policy selling_policy not null default 'deny',
  -- Units that may be sold beyond what is there (backorder, preorder).
  allowance integer not null default 0 check (allowance >= 0 and (policy <> 'deny' or allowance = 0)),
  ships_on date,
  purchase_limit integer check (purchase_limit > 0),
  image text
);
create index variants_product on variants (product_id, position);

-- A bundle is held as its parts; a variant without rows here is held as itself.
create table variant_components (
  variant_id integer not null references variants on delete cascade,
  component_id integer not null references variants on delete restrict,
  quantity integer not null check (quantity > 0),
  primary key (variant_id, component_id),
  check (variant_id <> component_id)
);

-- Prices that take effect at a set second. Past ones stay as history; the newest that is due is the price.
create table price_changes (
  variant_id integer not null references variants on delete cascade,
  at timestamptz not null,
  price bigint not null check (price >= 0),
  compare_at bigint check (compare_at >= 0),
  primary key (variant_id, at)
);

create table collections (
  id integer generated always as identity primary key,
  handle text not null unique,
  title text not null,
  description text not null default '',
  position integer not null default 0
);
create table collection_products (
  collection_id integer not null references collections on delete cascade,
  product_id integer not null references products on delete cascade,
  position integer not null,
  primary key (collection_id, product_id)
);

create table promotions (
  id integer generated always as identity primary key,
  code text not null unique check (code = upper(code)),
  kind text not null check (kind in ('percent', 'fixed', 'free_shipping')),
  -- Whole percent, or minor units; nothing for free shipping.
  value bigint not null default 0 check (value >= 0 and (kind <> 'percent' or value <= 100)),
  minimum_subtotal bigint not null default 0,
  starts_at timestamptz not null default '-infinity',
  ends_at timestamptz not null default 'infinity',
  usage_limit integer check (usage_limit > 0),
  limit_per_person integer check (limit_per_person > 0)
);
-- Apart from the code itself, so that a use does not change the catalogue's revision.
create table promotion_uses (
  promotion_id integer primary key references promotions on delete cascade,
  used integer not null default 0 check (used >= 0)
);
create function promotions_uses_insert() returns trigger language plpgsql as $$
begin
  insert into promotion_uses (promotion_id) values (new.id);
  return new;
end $$;
create trigger promotions_uses after insert on promotions for each row execute function promotions_uses_insert();

-- Any change of what a price is made of makes a new revision: orders priced from an older one are priced again.
create function shop_state_touch() returns trigger language plpgsql as $$
begin
  update shop_state set revision = revision + 1;
  perform pg_notify('catalogue', '');
  return null;
end $$;
create trigger touch after insert or update or delete or truncate on products for each statement execute function shop_state_touch();
create trigger touch after insert or update or delete or truncate on variants for each statement execute function shop_state_touch();
create trigger touch after insert or update or delete or truncate on variant_components for each statement execute function shop_state_touch();
create trigger touch after insert or update or delete or truncate on price_changes for each statement execute function shop_state_touch();
create trigger touch after insert or update or delete or truncate on collections for each statement execute function shop_state_touch();
create trigger touch after insert or update or delete or truncate on collection_products for each statement execute function shop_state_touch();
create trigger touch after insert or update or delete or truncate on promotions for each statement execute function shop_state_touch();
create trigger touch after insert or update or delete or truncate on shop_settings for each statement execute function shop_state_touch();
