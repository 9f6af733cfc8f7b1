import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { createPool, createPrisma } from '../../src/postgres/client.ts'
import { customReportHeader } from '../support/custom-report-header.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { createGraphqlClient, type GraphqlClient } from '../support/graphql-client.ts'

const password = 'not-secret'
const limitSeconds = 6
const maxMegabytes = 250

/** SQL that takes more disk, memory or time than a report may. */
const greedy = {
  temporary_files: 'select a::text from generate_series(1, 1000000000000) as a',
  large_value: "select repeat('x', 400000000) as a",
  large_rows: "select repeat('x', 1000000) || g as a from generate_series(1, 1000000) as g",
  sleep: "select pg_sleep(1000)::text || 'x' as a",
  lifted: "select set_config('statement_timeout', '0', true) || pg_sleep(1000)::text as a",
}

const cleanup = new AsyncDisposableStack()
let database: TestDatabase
let gateway: GatewayProcess
let client: GraphqlClient

beforeAll(async () => {
  database = cleanup.use(await createTestDatabase())
  const login = `reports_${new URL(database.url).pathname.slice(1)}`
  await database.query(`create role ${login} login password '${password}'`)
  await database.query(`alter role ${login} set temp_file_limit = '50MB'`)
  cleanup.defer(async () => void (await database.query(`drop role ${login}`)))
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-custom-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  for (const [id, sql] of Object.entries(greedy)) {
    await writeFile(join(folder, `${id}.sql`), `${customReportHeader(id)}${sql}`)
  }
  const url = new URL(database.url)
  url.username = login
  url.password = password
  gateway = cleanup.use(
    spawnGateway({
      DATABASE_URL: database.url,
      DATA_DIR: folder,
      REPORTS_DIR: folder,
      REPORTS_DATABASE_URL: url.href,
      REPORT_SECONDS: String(limitSeconds),
    }),
  )
  const address = await gateway.ready()
  const pool = createPool({ url: database.url, max: 1, applicationName: 'test', onError: () => {} })
  cleanup.defer(() => pool.end())
  const prisma = createPrisma(pool)
  const accountId = newId(idPrefixes.account, new Date())
  await prisma.account.create({ data: { id: accountId, name: 'Test' } })
  const { secret } = await createApiKey(prisma, { accountId, livemode: false, name: 'Test' })
  client = createGraphqlClient(address, secret)
})
afterAll(() => cleanup.disposeAsync())

type Ended = { status: string; failure: { code: string; message: string } | null; runDuration: string | null }

async function run(name: string, format: string): Promise<Ended> {
  const { createReportRun } = await client.request<{ createReportRun: { reportRun: { id: string } } }>(
    'mutation ($input: CreateReportRunInput!) { createReportRun(input: $input) { reportRun { id } } }',
    {
      input: {
        output: { formats: [format] },
        report: { byName: { name: `test.${name}.1`, parameters: {} } },
      },
    },
  )
  const { id } = createReportRun.reportRun
  let last: Ended | undefined
  const follow =
    'subscription ($id: ID!) { reportRun(id: $id) { status failure { code message } runDuration } }'
  for await (const { data } of client.subscribe<{ reportRun: Ended }>(follow, { id })) last = data?.reportRun
  if (!last) throw new Error('The run was not followed.')
  return last
}

/** Largest memory of the gateway's process so far, in megabytes. */
async function peakMegabytes(): Promise<number> {
  const status = await readFile(`/proc/${gateway.child.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

test.each([
  ['temporary_files', 'CSV', 'UPSTREAM_ERROR', 'temporary disk space'],
  ['large_value', 'CSV', 'TIMED_OUT', 'time limit'],
  ['large_value', 'JSONL', 'TIMED_OUT', 'time limit'],
  // Either the value is refused, or Postgres takes too long to make it.
  ['large_value', 'PARQUET', 'TIMED_OUT|INVALID_PARAMETERS', 'time limit|A value has 400000000 bytes'],
  ['large_rows', 'CSV', 'TIMED_OUT', 'time limit'],
  ['sleep', 'CSV', 'TIMED_OUT', 'time limit'],
  ['lifted', 'CSV', 'TIMED_OUT', 'time limit'],
])(
  'a report with %s in %s ends soon after its limit, and takes little memory',
  async (name, format, code, message) => {
    const before = await peakMegabytes()
    const started = Date.now()
    const { status, failure } = await run(name, format)
    expect(status).toBe('FAILED')
    expect(failure?.code).toMatch(new RegExp(code))
    expect(failure?.message).toMatch(new RegExp(message))
    // One statement counts the rows, another one writes them.
    expect(Date.now() - started).toBeLessThan((2 * limitSeconds + 10) * 1_000)
    expect((await peakMegabytes()) - before).toBeLessThan(maxMegabytes)
  },
)
