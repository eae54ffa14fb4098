insert into shop_settings (settings) values ($1::text::jsonb)
on conflict (only_row) do update set settings = excluded.settings
