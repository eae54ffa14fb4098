-- Orders, their lines, what was paid, and the work that follows from them.
-- No foreign keys on what the order path writes: each would cost a lookup per row while the stock is locked, and
-- `spillway verify` checks the same.

create type order_status as enum (
  'received', 'paying', 'action_required', 'unknown', 'paid', 'packed', 'shipped', 'delivered',
  'cancelled', 'refunded', 'part_refunded', 'expired'
);

create sequence order_ids start 1000;

create table orders (
  id bigint primary key,
  -- The first 128 bits of SHA-256 of the Idempotency-Key, and of the request it came with.
  key uuid not null unique,
  request uuid not null,
  status order_status not null default 'received',
  -- 0 VIP, 1 express, 2 the rest: the workers' order of work.
  priority smallint not null,
  placed_at timestamptz not null default now(),
  email text not null,
  -- {phone, shippingAddress, shippingMethod, promotionCode, payment: {provider, token}}
  details jsonb not null,
  currency text not null,
  tax_included boolean not null,
  subtotal bigint not null,
  discount bigint not null,
  shipping bigint not null,
  tax bigint not null,
  total bigint not null,
  promotion_id integer,
  -- While the shopper has something to do: until when the units are kept.
  hold_until timestamptz,
  refunded bigint not null default 0 check (refunded >= 0 and refunded <= total),
  tracking jsonb,
  delay text,
  constraint order_total_adds_up check (total = subtotal - discount + shipping + case when tax_included then 0 else tax end)
) with (fillfactor = 80);

create table order_lines (
  order_id bigint not null,
  line_no smallint not null,
  variant_id integer not null,
  quantity integer not null check (quantity > 0),
  -- Frozen when the order was placed.
  unit_price bigint not null,
  discount bigint not null,
  tax bigint not null,
  sku text not null,
  title text not null,
  options text[] not null,
  primary key (order_id, line_no)
);

-- The lifecycle, from src/commerce/orders/lifecycle.ts (a test holds the two equal). The trigger refuses any other step.
create table order_transitions (
  from_status order_status not null,
  to_status order_status not null,
  primary key (from_status, to_status)
);
insert into order_transitions values
  ('received', 'paying'), ('received', 'paid'), ('received', 'cancelled'), ('received', 'expired'),
  ('paying', 'paid'), ('paying', 'action_required'), ('paying', 'unknown'), ('paying', 'received'), ('paying', 'expired'),
  ('action_required', 'paying'), ('action_required', 'paid'), ('action_required', 'unknown'),
  ('action_required', 'cancelled'), ('action_required', 'expired'),
  ('unknown', 'paid'), ('unknown', 'received'), ('unknown', 'action_required'), ('unknown', 'expired'),
  ('paid', 'packed'), ('paid', 'shipped'), ('paid', 'refunded'), ('paid', 'part_refunded'), ('paid', 'cancelled'),
  ('packed', 'shipped'), ('packed', 'refunded'), ('packed', 'part_refunded'), ('packed', 'cancelled'),
  ('shipped', 'delivered'), ('shipped', 'refunded'), ('shipped', 'part_refunded'),
  ('delivered', 'refunded'), ('delivered', 'part_refunded'),
  ('part_refunded', 'refunded'), ('part_refunded', 'packed'), ('part_refunded', 'shipped'), ('part_refunded', 'delivered'),
  ('cancelled', 'refunded');

create table order_events (
  order_id bigint not null,
  at timestamptz not null,
  seq bigint generated always as identity,
  -- Null for a note that changes nothing.
  status order_status,
  text text
);
create index order_events_order on order_events (order_id, seq);

create function orders_status_step() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from order_transitions where from_status = old.status and to_status = new.status) then
    raise exception 'order % cannot go from % to %', old.id, old.status, new.status using errcode = 'SW002';
  end if;
  insert into order_events (order_id, at, status) values (new.id, shop_now(), new.status);
  perform pg_notify('orders', new.id::text);
  return new;
end $$;
create trigger status_step before update of status on orders for each row
  when (old.status is distinct from new.status) execute function orders_status_step();

-- Who bought how many of what is limited. A person is any of: account, normalised e-mail, address, card fingerprint.
-- The subject is a variant's id, or a promotion's id with a minus sign.
create table person_counts (
  subject integer not null,
  person uuid not null,
  quantity integer not null check (quantity >= 0),
  primary key (subject, person)
);
create table order_persons (
  order_id bigint not null,
  subject integer not null,
  person uuid not null,
  quantity integer not null,
  primary key (order_id, subject, person)
);

-- Work to do, written in the commit of the fact that asks for it. Taken by SKIP LOCKED; a taken task comes back by
-- itself when its lease runs out; a done one is deleted. One index: lane, priority, then when it is due.
-- Lanes keep one kind of work from standing in front of another: 0 payments, 1 notices, 2 the rest.
create table outbox (
  lane smallint not null,
  priority smallint not null,
  run_at timestamptz not null,
  id bigint generated always as identity,
  topic text not null,
  order_id bigint,
  payload jsonb,
  attempts smallint not null default 0,
  last_error text,
  created_at timestamptz not null,
  primary key (lane, priority, run_at, id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- The clock of everything that is not the order path itself: the transaction's, unless a simulation sets its own.
create function shop_now() returns timestamptz language sql stable as $$
  select coalesce(nullif(current_setting('spillway.now', true), '')::timestamptz, now())
$$;

create type attempt_state as enum (
  'pending',          -- sent, or about to be
  'action_required', 'unknown',
  'succeeded', 'declined', 'failed', 'cancelled',
  'surplus'           -- charged when the order no longer wanted it: must be refunded
);

create table payment_attempts (
  id bigint generated always as identity primary key,
  order_id bigint not null,
  provider text not null,
  -- Ours: the provider's idempotency key.
  attempt_key text not null unique,
  token text not null,
  amount bigint not null,
  currency text not null,
  state attempt_state not null default 'pending',
  reference text,
  redirect_url text,
  reason text,
  created_at timestamptz not null default now(),
  -- When the provider was last asked to charge: until a certain answer is written, it may have.
  called_at timestamptz,
  -- How often it was begun: what only the last caller may say (that nothing was charged) is fenced by it.
  calls integer not null default 0,
  settled_at timestamptz
);
create index payment_attempts_order on payment_attempts (order_id, id);
create index payment_attempts_reference on payment_attempts (provider, reference);
-- Never two successful charges for one order.
create unique index payment_attempts_one_success on payment_attempts (order_id) where state = 'succeeded';
-- Never a second try while the first one's outcome is open.
create unique index payment_attempts_one_open on payment_attempts (order_id) where state in ('pending', 'action_required', 'unknown');

create table refunds (
  id bigint generated always as identity primary key,
  order_id bigint not null,
  attempt_id bigint not null references payment_attempts,
  refund_key text not null unique,
  amount bigint not null check (amount > 0),
  state text not null default 'pending' check (state in ('pending', 'succeeded', 'failed')),
  reference text,
  reason text,
  created_at timestamptz not null default now(),
  called_at timestamptz,
  settled_at timestamptz
);
create index refunds_order on refunds (order_id);
create index refunds_reference on refunds (reference);

-- Every webhook event once: the same event delivered again finds its row.
create table provider_events (
  provider text not null,
  event_id text not null,
  received_at timestamptz not null default now(),
  event jsonb not null,
  primary key (provider, event_id)
);

create table carts (
  id uuid primary key,
  -- [{sku, quantity}], in the order they were put in.
  lines jsonb not null default '[]',
  promotion_code text,
  country text,
  updated_at timestamptz not null default now()
) with (fillfactor = 70);
create index carts_updated on carts (updated_at);

-- Where notices go without SMTP settings: a page on the operations port.
create table mailbox (
  id bigint generated always as identity primary key,
  message_id text not null unique,
  at timestamptz not null default now(),
  channel text not null,
  recipient text not null,
  subject text not null,
  text text not null,
  html text
);

-- The sandbox provider's own books: what our pretend bank believes, apart from what the shop believes.
create table sandbox_charges (
  attempt_key text primary key,
  order_number text not null,
  amount bigint not null,
  currency text not null,
  token text not null,
  return_url text not null,
  state text not null check (state in ('succeeded', 'declined', 'challenge', 'cancelled')),
  refunded bigint not null default 0 check (refunded >= 0 and refunded <= amount),
  created_at_ms bigint not null,
  settles_at_ms bigint not null
);
create index sandbox_charges_created on sandbox_charges (created_at_ms, attempt_key);
create table sandbox_refunds (
  refund_key text primary key,
  attempt_key text not null,
  amount bigint not null,
  created_at_ms bigint not null
);
