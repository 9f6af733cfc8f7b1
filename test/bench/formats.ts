// npm run bench:formats -- --rows 2000000: how fast a worker writes an itemized report in each format, and how its memory
// grows above what a report of a few thousand rows has left it at. Each line is of a worker process of its own.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { createPool, createPrisma } from '../../src/database/client.ts'
import { migrate } from '../../src/database/migrate.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { type GatewayProcess, spawnGateway } from '../gateway-process.ts'
import { createGraphqlClient, type GraphqlClient } from '../graphql-client.ts'
import { startOwnPostgres } from '../own-postgres.ts'

const { values } = parseArgs({ options: { rows: { type: 'string', default: '2000000' } } })
const rows = Number(values.rows)
const warmUpRows = 5_000
const start = '2026-01-01T00:00:00Z'

const cases = [
  [['CSV'], 'NONE'],
  [['JSONL'], 'NONE'],
  [['PARQUET'], 'NONE'],
  [['CSV'], 'ZSTD'],
  [['JSONL'], 'ZSTD'],
  [['PARQUET'], 'ZSTD'],
  [['CSV', 'JSONL', 'PARQUET'], 'GZIP'],
] as const

/** One row a second, from the start on. */
const fillLedger = `
  insert into balance_transactions (account_id, livemode, id, type, reporting_category, currency, amount, fee, net,
    created, available_on, effective_at, description)
  select $1, false, 'txn_' || md5(n::text), 'charge', (array['charge', 'refund', 'fee'])[n % 3 + 1], 'usd',
    gross, gross * 29 / 1000, gross - gross * 29 / 1000, at, at + interval '2 days', at,
    case when n % 3 > 0 then 'Order ' || n || ' of customer ' || n % 5000 end
  from (select n, 100 + n::bigint * 7919 % 100000 as gross, $2::timestamptz + n * interval '1 second' as at
    from generate_series(0, $3::integer - 1) as n) as made`

const residentBytes = async ({ child: { pid } }: GatewayProcess): Promise<number> => {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

type Ended = { status: string; result: { rowCount: string; files: { byteSize: string }[] } | null }

/** Runs the report over the first rows of the ledger, to its end. */
const run = async (client: GraphqlClient, rowCount: number, output: object): Promise<Ended> => {
  const end = new Date(Date.parse(start) + rowCount * 1000).toISOString()
  const { createReportRun } = await client.request<{ createReportRun: { reportRun: { id: string } } }>(
    'mutation ($input: CreateReportRunInput!) { createReportRun(input: $input) { reportRun { id } } }',
    {
      input: {
        report: { balanceChangeFromActivityItemized: { interval: { between: { start, end } } } },
        output,
      },
    },
  )
  let last: Ended | undefined
  const watch = `subscription ($id: ID!) { reportRun(id: $id) { status result { rowCount files { byteSize } } } }`
  for await (const { data } of client.subscribe<{ reportRun: Ended }>(watch, createReportRun.reportRun)) {
    last = data?.reportRun
  }
  if (last?.result?.rowCount !== String(rowCount))
    throw new Error(`The run ended as ${JSON.stringify(last)}.`)
  return last
}

await using cleanup = new AsyncDisposableStack()
const postgres = cleanup.use(await startOwnPostgres())
const { url } = postgres.database
await migrate(url)
const pool = createPool({ url, max: 2, applicationName: 'bench', onError: () => {} })
cleanup.defer(() => pool.end())
const prisma = createPrisma(pool)
cleanup.defer(() => prisma.$disconnect())
const accountId = newId(idPrefixes.account, new Date())
await prisma.account.create({ data: { id: accountId, name: 'Bench' } })
const { secret } = await createApiKey(prisma, { accountId, livemode: false, name: 'Bench' })
await postgres.database.query(fillLedger, [accountId, start, rows])
await prisma.ledgerCoverage.create({
  data: {
    accountId,
    livemode: false,
    availableFrom: new Date(start),
    availableUntil: new Date(Date.parse(start) + rows * 1000),
    updatedAt: new Date(),
  },
})
await postgres.database.query('vacuum analyze balance_transactions')
const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-bench-'))
cleanup.defer(() => rm(dataDir, { recursive: true, force: true }))
const shared = { DATABASE_URL: url, DATA_DIR: dataDir }
const gateway = cleanup.use(spawnGateway({ ...shared, ROLE: 'gateway' }))
const client = createGraphqlClient(await gateway.ready(), secret)

process.stdout.write('format              compression  seconds    rows/s      MB  growth MB\n')
for (const [formats, compression] of cases) {
  await using worker = spawnGateway({ ...shared, ROLE: 'worker' })
  await worker.ready()
  await run(client, Math.min(rows, warmUpRows), { formats, compression })
  const before = await residentBytes(worker)
  let most = before
  const sampling = setInterval(async () => {
    most = Math.max(most, await residentBytes(worker))
  }, 50)
  const startedAt = performance.now()
  const { result } = await run(client, rows, { formats, compression })
  const seconds = (performance.now() - startedAt) / 1000
  clearInterval(sampling)
  const bytes = result?.files.reduce((sum, { byteSize }) => sum + Number(byteSize), 0) ?? 0
  process.stdout.write(
    `${formats.join(' ').padEnd(19)} ${compression.padEnd(11)} ${seconds.toFixed(1).padStart(8)} ${Math.round(
      rows / seconds,
    )
      .toLocaleString('en')
      .padStart(
        9,
      )} ${(bytes / 1e6).toFixed(0).padStart(7)} ${((most - before) / 1e6).toFixed(1).padStart(10)}\n`,
  )
}
await cleanup.disposeAsync()
process.exit(0)
