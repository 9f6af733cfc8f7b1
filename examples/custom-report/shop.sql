create schema if not exists shop;

create table if not exists shop.orders (
  id bigint primary key,
  account_id text not null,
  livemode boolean not null,
  placed_at timestamptz not null,
  buyer text not null,
  currency text not null,
  total numeric(12, 2) not null
);

-- A report finds the rows of one account and mode in one interval by this index.
create index if not exists orders_by_time on shop.orders (account_id, livemode, placed_at, id);

insert into shop.orders (id, account_id, livemode, placed_at, buyer, currency, total)
values
  (1, 'acct_demo', false, '2026-08-31 23:59:59+00', 'Ada', 'eur', 10.00),
  (2, 'acct_demo', false, '2026-09-01 00:00:00+00', 'Ada', 'eur', 24.90),
  (3, 'acct_demo', false, '2026-09-12 08:30:00+00', 'Grace', 'usd', 120.00),
  (4, 'acct_demo', false, '2026-09-30 22:15:00+00', 'Linus', 'eur', 5.45),
  (5, 'acct_demo', false, '2026-10-01 00:00:00+00', 'Linus', 'eur', 1.00),
  -- Rows that the test key of the demo account must not see.
  (6, 'acct_demo', true, '2026-09-12 08:30:00+00', 'Live mode', 'eur', 99.00),
  (7, 'acct_other', false, '2026-09-12 08:30:00+00', 'Another account', 'eur', 99.00)
on conflict (id) do nothing;

-- The login that reports have on the embedded Postgres. On your own Postgres, name the login of REPORTS_DATABASE_URL.
grant usage on schema shop to report_gateway_reader;
grant select on shop.orders to report_gateway_reader;
