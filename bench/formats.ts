// npm run bench:formats -- --rows 2000000: measures how fast an itemized report is written in each format, and how much the
// memory of the process grows, compared with its memory after a report of a few thousand rows.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createConnection } from '../src/postgres/client.ts'
import { migrate } from '../src/postgres/migrate.ts'
import { startOwnPostgres } from '../test/support/own-postgres.ts'

const { values } = parseArgs({ options: { rows: { type: 'string', default: '2000000' } } })

const cases = [
  ['CSV', 'NONE'],
  ['JSONL', 'NONE'],
  ['PARQUET', 'NONE'],
  ['CSV', 'ZSTD'],
  ['JSONL', 'ZSTD'],
  ['PARQUET', 'ZSTD'],
  ['CSV,JSONL,PARQUET', 'GZIP'],
] as const

/** One row per second from the start of the year. */
const fillLedger = `
  insert into balance_transactions (account_id, livemode, id, type, reporting_category, currency, amount, fee, net,
    created, available_on, effective_at, description)
  select 'acct_bench', false, 'txn_' || md5(n::text), 'charge', (array['charge', 'refund', 'fee'])[n % 3 + 1], 'usd',
    gross, gross * 29 / 1000, gross - gross * 29 / 1000, at, at + interval '2 days', at,
    case when n % 3 > 0 then 'Order ' || n || ' of customer ' || n % 5000 end
  from (select n, 100 + n::bigint * 7919 % 100000 as gross, '2026-01-01Z'::timestamptz + n * interval '1 second' as at
    from generate_series(0, $1::integer - 1) as n) as made`

await using postgres = await startOwnPostgres()
const { url } = postgres.database
await migrate(url)
const connection = createConnection(url, 'bench')
await connection.connect()
await connection.query(fillLedger, [values.rows])
await connection.query('vacuum analyze balance_transactions')
await connection.end()

const child = fileURLToPath(new URL('./format-process.ts', import.meta.url))

function print(cells: readonly string[]): void {
  const [what = '', ...figures] = cells
  process.stdout.write(`${what.padEnd(24)}${figures.map((figure) => figure.padStart(12)).join('')}\n`)
}
print(['', 'seconds', 'rows/s', 'MB', 'growth MB'])
for (const [formats, compression] of cases) {
  // Each in a separate process, so that none inherits memory from another. A small young generation of V8, which npm sets,
  // leaves the growth of the report itself.
  const args = [...process.execArgv, child, url, values.rows, formats, compression]
  const { stdout, stderr } = spawnSync(process.execPath, args)
  print([`${formats} ${compression}`, ...`${stdout.length > 0 ? stdout : stderr}`.trim().split(' ')])
}
