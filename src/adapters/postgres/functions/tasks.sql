-- Takes the next tasks of a lane, most urgent first, oldest first. A task that is taken becomes due again when its
-- lease ends, so a worker that dies gives it back by dying. Rows that another worker holds are passed over.
create or replace function take_tasks(p_lane smallint, p_limit integer, p_lease_seconds integer)
returns setof outbox language plpgsql
set enable_seqscan to off
as $$
declare
  now_at constant timestamptz := shop_now();
  taken integer := 0;
  class smallint;
  task outbox;
begin
  for class in 0..3 loop
    exit when taken >= p_limit;
    for task in
      update outbox o set run_at = now_at + make_interval(secs => p_lease_seconds), attempts = o.attempts + 1
      from (select lane, priority, run_at, id from outbox
            where lane = p_lane and priority = class and run_at <= now_at
            order by run_at, id limit p_limit - taken for update skip locked) due
      where o.lane = due.lane and o.priority = due.priority and o.run_at = due.run_at and o.id = due.id
      returning o.*
    loop
      taken := taken + 1;
      return next task;
    end loop;
  end loop;
end $$;

-- Adds a task; the shape of every insertion but the order path's own.
create or replace function add_task(p_lane smallint, p_priority smallint, p_topic text, p_order bigint, p_payload jsonb, p_delay_seconds double precision)
returns void language plpgsql as $$
begin
  insert into outbox (lane, priority, run_at, topic, order_id, payload, created_at)
  values (p_lane, p_priority, shop_now() + make_interval(secs => p_delay_seconds), p_topic, p_order, p_payload, shop_now());
  perform pg_notify('outbox', '');
end $$;

create or replace function add_notice(p_order bigint, p_template text, p_payload jsonb default '{}') returns void language plpgsql as $$
begin
  perform add_task(1::smallint, 2::smallint, 'notice', p_order, p_payload || jsonb_build_object('template', p_template), 0);
end $$;
