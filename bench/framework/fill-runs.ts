import { createHash, randomBytes } from 'node:crypto'
import type { Database } from './database.ts'

export type BenchAccount = { accountId: string; apiKeyId: string; key: string }

export type FillOptions = {
  accounts: number
  /** Number of runs of all accounts together. */
  runs: number
}

/** SQL for the first ten characters of an id, of the column `ms`. A function would take most of the time of filling. */
const timeSql = Array.from({ length: 10 }, (_, digit) => {
  return `substr('0123456789abcdefghjkmnpqrstvwxyz', (ms >> ${5 * (9 - digit)} & 31)::integer + 1, 1)`
}).join(' || ')

// Runs are ten seconds apart until now, and the accounts take turns. Hexadecimal digits are a part of the alphabet of ids.
const insertRuns = (runs: number): string => `
  insert into report_runs (id, account_id, livemode, report_type, parameters, formats, compression, label, tags, metadata,
    status, version, origin, requested_by_id, created_at, started_at, finished_at, execution, retention_milliseconds,
    expires_at, rows_written, rows_expected, percent, measured_at, row_count, byte_size, run_milliseconds, data_as_of,
    failure_code, failure_message, failure_is_retryable, trace_id)
  select 'frr_' || ${timeSql} || left(md5('run' || n), 15), account.id, false,
    (array['balance.summary.1', 'payouts.itemized.3', 'balance_change_from_activity.itemized.3', 'ending_balance_reconciliation.itemized.1'])[n % 4 + 1],
    '{"interval_start": "2026-01-01T00:00:00.000Z", "interval_end": "2026-02-01T00:00:00.000Z", "timezone": "Etc/UTC", "columns": ["category", "description", "net_amount", "currency"], "decimal_separator": "."}',
    '{CSV}', 'NONE', 'Month ' || n % 12, case when n % 5 = 0 then '{monthly,books}'::text[] else '{}' end, '{"team": "finance"}',
    (case when n % 10 < 8 then 'SUCCEEDED' when n % 10 = 8 then 'FAILED' else 'CANCELED' end)::"ReportRunStatus",
    4, (case when n % 7 = 0 then 'RETRY' else 'API' end)::"ReportRunOrigin", account.key_id, at, at + interval '1 second',
    at + interval '1 second' + n % 60000 * interval '1 millisecond', 1, 2592000000,
    case when n % 10 < 8 then at + interval '30 days' end, 24 + n % 5000, 24 + n % 5000, 100, at + interval '2 seconds',
    case when n % 10 < 8 then 24 + n % 5000 end, case when n % 10 < 8 then 1299 + n % 500000 end, n % 60000,
    at + interval '1 second', case when n % 10 = 8 then 'DATA_UNAVAILABLE' end,
    case when n % 10 = 8 then 'The ledger has no data for this interval.' end, case when n % 10 = 8 then false end,
    md5('trace' || n)
  from generate_series(1, ${runs}) as n
  cross join lateral (select date_trunc('milliseconds', now()) - (${runs} - n) * interval '10 seconds' as at) as clock
  cross join lateral (select (extract(epoch from at) * 1000)::bigint as ms) as instant
  join bench_accounts as account on account.number = n % (select count(*) from bench_accounts)`

const insertFiles = `
  insert into report_files (id, account_id, livemode, run_id, filename, format, compression, row_count, byte_size, sha256, created_at)
  select 'file' || substr(id, 4), account_id, livemode, id, report_type || '.csv', 'CSV', 'NONE', row_count, byte_size,
    encode(sha256(id::bytea), 'hex'), finished_at
  from report_runs where status = 'SUCCEEDED'`

/** Fills the tables with accounts, a key for each, runs that have ended and their files, and gives the accounts with their keys. */
export async function fillRuns(database: Database, { accounts, runs }: FillOptions): Promise<BenchAccount[]> {
  const made = Array.from({ length: accounts }, (_, number) => ({ number, ...newAccount() }))
  await database.query(
    `create table bench_accounts as
      select * from jsonb_to_recordset($1::jsonb) as made (number bigint, id text, key_id text, hash text)`,
    [
      JSON.stringify(
        made.map(({ number, accountId: id, apiKeyId: key_id, hash }) => ({ number, id, key_id, hash })),
      ),
    ],
  )
  await database.query(`
    insert into accounts (id, name) select id, 'Bench ' || number from bench_accounts;
    insert into api_keys (id, account_id, livemode, name, last_four, secret_hash)
      select key_id, id, false, 'Bench', '0000', decode(hash, 'hex') from bench_accounts;
    ${await withoutIndexes(database, ['report_runs', 'report_files'], `${insertRuns(runs)}; ${insertFiles};`)}
    drop table bench_accounts;`)
  await database.query('vacuum (analyze, freeze) report_runs, report_files, api_keys, accounts')
  await database.query('checkpoint')
  return made.map(({ accountId, apiKeyId, key }) => ({ accountId, apiKeyId, key }))
}

/** An account and a key in the form of our ids and keys, whose parts are chosen at random. */
function newAccount() {
  const word = (length: number): string => randomBytes(length).toString('hex').slice(0, length)
  const ending = `0${word(24)}`
  const key = `sk_test_${ending}${word(52)}`
  const hash = createHash('sha256').update(key).digest('hex')
  return { accountId: `acct_0${word(24)}`, apiKeyId: `key_${ending}`, key, hash }
}

/** Statements that build the indexes after the rows, which takes a fraction of the time. Primary keys stay. */
async function withoutIndexes(database: Database, tables: readonly string[], fill: string): Promise<string> {
  const indexes = await database.query<{ name: string; definition: string }>(
    `select indexname as name, indexdef as definition from pg_indexes
    where schemaname = 'report_gateway' and tablename = any($1) and indexname not like '%_pkey'`,
    [tables],
  )
  const drop = indexes.map(({ name }) => `drop index ${name};`)
  const create = indexes.map(({ definition }) => `${definition};`)
  return [...drop, fill, ...create].join('\n')
}
