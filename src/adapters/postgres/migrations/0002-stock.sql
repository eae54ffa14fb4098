-- Stock is a ledger. `stock_entries` is the truth, append-only; `stock_levels` is its running sum, and the row that
-- an order locks. Every change goes through a function that writes both in one commit.

create table locations (
  id integer generated always as identity primary key,
  code text not null unique,
  name text not null,
  -- Lower is taken from first.
  position integer not null default 0
);
insert into locations (code, name) values ('main', 'Main warehouse');

create table stock_levels (
  id integer generated always as identity primary key,
  variant_id integer not null references variants on delete restrict,
  location_id integer not null references locations on delete restrict,
  -- Units in the building, those already promised included.
  on_hand integer not null default 0,
  -- Promised to orders that are not paid yet.
  held integer not null default 0 check (held >= 0),
  -- Paid for and not shipped yet.
  sold integer not null default 0 check (sold >= 0),
  -- Withheld from sale: a share of what was there when the stock was last counted, rounded up.
  safety_percent smallint not null default 0 check (safety_percent between 0 and 100),
  safety integer not null default 0 check (safety >= 0),
  -- Units that may be promised beyond what is there; kept by a trigger from the variant, at its first location.
  allowance integer not null default 0 check (allowance >= 0),
  -- An alert goes out when what can be sold falls below this.
  low_stock_at integer not null default 0,
  alerted boolean not null default false,
  unique (variant_id, location_id),
  -- The backstop of "never sells a unit twice"; the order path never comes here, since it decides first.
  constraint stock_never_oversold check (on_hand - held - sold + allowance >= 0)
) with (fillfactor = 50);

create type stock_entry_kind as enum (
  'set', 'receive', 'adjust',            -- the building changes: on_hand
  'hold',                                -- an order takes units: held
  'release', 'expire', 'sell',           -- a hold ends, in exactly one of three ways
  'unsell', 'ship', 'return'             -- what was sold goes back on sale, leaves, or comes back
);

create table stock_entries (
  at timestamptz not null default now(),
  level_id integer not null,
  kind stock_entry_kind not null,
  on_hand_delta integer not null default 0,
  held_delta integer not null default 0,
  sold_delta integer not null default 0,
  order_id bigint,
  line_no smallint,
  reason text
);
-- A line's hold at a level begins once and ends once: released, expired or sold, never two of them.
create unique index stock_entries_hold_once on stock_entries (order_id, line_no, level_id) where kind = 'hold';
create unique index stock_entries_end_once on stock_entries (order_id, line_no, level_id) where kind in ('release', 'expire', 'sell');
create unique index stock_entries_leave_once on stock_entries (order_id, line_no, level_id) where kind in ('unsell', 'ship');

-- A variant's allowance counts once, at its first location, however many there are.
create function stock_allowance_sync(variant integer) returns void language sql as $$
  update stock_levels l set allowance = case when l.location_id = first.location_id then v.allowance else 0 end
  from variants v,
    lateral (select sl.location_id from stock_levels sl join locations lo on lo.id = sl.location_id
             where sl.variant_id = v.id order by lo.position, lo.id limit 1) first
  where v.id = variant and l.variant_id = v.id
    and l.allowance is distinct from case when l.location_id = first.location_id then v.allowance else 0 end
$$;
create function stock_allowance_of_variant() returns trigger language plpgsql as $$
begin perform stock_allowance_sync(new.id); return null; end $$;
create function stock_allowance_of_level() returns trigger language plpgsql as $$
begin perform stock_allowance_sync(new.variant_id); return null; end $$;
create trigger allowance after update of allowance on variants for each row
  when (old.allowance is distinct from new.allowance) execute function stock_allowance_of_variant();
create trigger allowance after insert on stock_levels for each row execute function stock_allowance_of_level();
