-- What orders for the goods of a waiting room were let in with. Written in the commit that holds the units, so that a
-- pass is used up exactly when it has bought something. An order that is given up has still used its pass.
create table order_passes (
  order_id bigint not null,
  room text not null,
  epoch integer not null,
  -- The place in the line; of one who was let in beside it, a number that no line gives.
  seq bigint not null,
  -- Whether it buys one order only.
  is_once boolean not null,
  primary key (order_id, room)
);
create unique index order_passes_once on order_passes (room, epoch, seq) where is_once;
