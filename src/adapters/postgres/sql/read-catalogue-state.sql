select
  state.revision,
  (select settings from shop_settings) as settings,
  -- The clock that place_orders compares prices' validity with.
  round(extract(epoch from coalesce(nullif(current_setting('spillway.now', true), '')::timestamptz, clock_timestamp())) * 1000)::float8 as now_ms
from shop_state state
