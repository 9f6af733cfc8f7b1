import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { DatabaseError } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createPool } from '../../src/postgres/client.ts'
import { renderReport } from '../../src/reports/render.ts'
import type { CustomLimits } from '../../src/reports/report-type.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { copyReport } from '../../src/worker/copy.ts'
import { describeFailure, SourceLostError } from '../../src/worker/failure.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import {
  createSlowRun,
  endOf,
  type SeenRun,
  slowReport,
  storedFiles,
  watchQuery,
} from '../support/slow-report.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport] })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

function activeReports(): Promise<{ pid: number }[]> {
  return gateway.database.query(`
    select pid from pg_stat_activity
    where datname = current_database() and application_name = 'report-gateway reports' and state <> 'idle'`)
}

/** Checks what all failed runs have in common: the trace id is in the log, and neither file nor query remains. */
async function expectTraced(run: SeenRun, cause: RegExp): Promise<void> {
  expect(run).toMatchObject({ status: 'FAILED', isFinal: true, result: null, cancellation: null })
  expect(run.failure?.traceId).toMatch(/^[0-9a-f]{32}$/)
  await vi.waitFor(() => {
    const logged = gateway.logged.filter(({ traceId, err }) => err && traceId === run.failure?.traceId)
    expect(logged).toMatchObject([{ runId: run.id }])
    expect(JSON.stringify(logged)).toMatch(cause)
  })
  await vi.waitFor(async () => {
    expect((await storedFiles(gateway.dataDir)).filter((file) => file.includes(run.id))).toEqual([])
    expect(await activeReports()).toEqual([])
  })
}

test('a report whose SQL fails after some rows is FAILED, and its partial file is removed', async () => {
  const id = await createSlowRun(account.client, {
    rows: '100000',
    row_seconds: '0.002',
    width: '4000',
    fails_at: '300',
  })
  let files: string[] = []
  let last: SeenRun | undefined
  for await (const { data } of account.client.subscribe<{ reportRun: SeenRun }>(watchQuery, { id })) {
    last = data?.reportRun
    if (last?.status === 'RUNNING') files = [...files, ...(await storedFiles(gateway.dataDir))]
  }
  // There was a partial file, so its absence later is meaningful.
  expect(files.some((file) => file.includes(id))).toBe(true)
  if (!last) throw new Error('The subscription returned nothing.')
  expect(last.failure).toMatchObject({ code: 'UPSTREAM_ERROR', isRetryable: false })
  expect(last.failure?.message).toContain('22012')
  expect(last.failure?.message).not.toContain('division')
  await expectTraced(last, /division by zero/)
})

test('a report whose file cannot be stored is FAILED with STORAGE_ERROR, and its query is ended', async () => {
  const { accountId, client } = await gateway.createAccount()
  const blocked = join(gateway.dataDir, 'files', accountId)
  await writeFile(blocked, 'in the way')
  const run = await endOf(client, await createSlowRun(client, { rows: '20000', width: '1000' }))
  await rm(blocked)
  expect(run.failure).toMatchObject({ code: 'STORAGE_ERROR', isRetryable: true })
  expect(run.failure?.message).not.toContain(gateway.dataDir)
  await expectTraced(run, /ENOTDIR/)
  expect((await endOf(client, await createSlowRun(client))).status).toBe('SUCCEEDED')
})

/** Ends the connection of a COPY as soon as there is one, and waits until it is gone. */
async function breakConnection(): Promise<void> {
  // Waits up to 10 s: a backend is listed until it has ended, and must not be mistaken for the next one.
  const ended = `
    select pg_terminate_backend(pid, 10000) as "isGone" from pg_stat_activity
    where datname = current_database() and query like 'copy%' and state = 'active'`
  await expect.poll(() => gateway.database.query(ended)).toEqual([{ isGone: true }])
}

test('a report whose connection breaks starts again', async () => {
  const { client, accountId } = await gateway.createAccount()
  const id = await createSlowRun(client, { rows: '2', row_seconds: '0.5' })
  await breakConnection()
  const run = await endOf(client, id)
  expect(run).toMatchObject({ status: 'SUCCEEDED', failure: null, result: { rowCount: '2' } })
  const row = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id } })
  expect(row).toMatchObject({ execution: 2, lostExecutions: 1 })
  const warnings = gateway.logged.filter(({ runId, level }) => runId === id && level === 40)
  expect(warnings).toMatchObject([{ accountId, losses: 1 }])
})

test('a report whose connection breaks each time is FAILED and retryable, and the gateway survives', async () => {
  const id = await createSlowRun(account.client, { rows: '2', row_seconds: '30' })
  for (let i = 0; i < 3; i++) await breakConnection()
  const run = await endOf(account.client, id)
  expect(run.failure).toMatchObject({ code: 'UPSTREAM_ERROR', isRetryable: true })
  await expectTraced(run, /terminating connection|Connection terminated/)
  expect((await endOf(account.client, await createSlowRun(account.client))).status).toBe('SUCCEEDED')
})

function render(parameters: Record<string, string>) {
  return renderReport(slowReport, account, {
    rows: '10',
    row_seconds: '0',
    count_seconds: '0',
    width: '1',
    fails_at: '0',
    ...parameters,
  })
}

/** Storage that fails or stalls at moments that a real disk seldom hits. */
const failsBeforeReading: Storage['write'] = async () => {
  await new Promise(setImmediate)
  throw Object.assign(new Error('No space.'), { code: 'ENOSPC' })
}
const failsWhileReading: Storage['write'] = async (_key, stages) => {
  const full = new PassThrough({
    transform: (_chunk, _encoding, done) => done(Object.assign(new Error('No space.'), { code: 'ENOSPC' })),
  })
  await pipeline([...stages, full])
  throw new Error('A full disk took all rows.')
}
const reads: Storage['write'] = async (_key, stages) => {
  await pipeline([...stages, new PassThrough().resume()])
  return { byteSize: 0n, sha256: '' }
}
const neverReads: Storage['write'] = (_key, _stages, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

async function copyInto(
  write: Storage['write'],
  parameters: Record<string, string>,
  signal: AbortSignal,
  { url = gateway.database.url, limits = null }: { url?: string; limits?: CustomLimits | null } = {},
) {
  const onError = vi.fn()
  const pool = createPool({
    url,
    max: 2,
    applicationName: 'report-gateway reports',
    onError,
  })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  const storage: Storage = {
    write,
    remove: async () => {},
    list: async () => [],
    read: async () => null,
    size: async () => null,
  }
  const outcome = await copyReport({
    pool,
    replica: null,
    storage,
    report: { ...render(parameters), limits },
    files: [{ id: 'file_1', key: 'some/key', format: 'CSV', compression: 'NONE' }],
    signal,
    onExpect: () => {},
    onRows: () => {},
  }).catch((error: unknown) => error)
  await vi.waitFor(async () => expect(await activeReports()).toEqual([]), { timeout: 2_000 })
  return outcome
}

test.each([
  ['before it reads a row', failsBeforeReading],
  ['while it reads rows', failsWhileReading],
])('storage that fails %s ends the query', async (_when, write) => {
  const outcome = await copyInto(write, { rows: '20000', width: '1000' }, new AbortController().signal)
  expect(outcome).toMatchObject({ code: 'ENOSPC' })
})

test('a copy can be stopped while the storage accepts no rows', async () => {
  const stopping = new AbortController()
  const copying = copyInto(neverReads, { rows: '20000', width: '1000' }, stopping.signal)
  const isStuck = `
    select from pg_stat_activity where datname = current_database() and wait_event = 'ClientWrite'`
  await vi.waitFor(async () => expect(await gateway.database.query(isStuck)).toHaveLength(1), 30_000)
  stopping.abort(new Error('stopped'))
  expect(await copying).toBeInstanceOf(Error)
})

test('a copy that is stopped while it connects counts nothing', async () => {
  const stopping = new AbortController()
  const copying = copyInto(neverReads, { count_seconds: '600' }, stopping.signal)
  await Promise.resolve()
  stopping.abort(new Error('stopped'))
  // Before the rows could have been counted.
  expect(await copying).toBeInstanceOf(Error)
})

test.each([
  // Only the rows of a report with limits are counted.
  ['while rows are counted', { count_seconds: '30' }, { rows: 100, seconds: 60 }, 'select count%'],
  ['before the first row', { rows: '2', row_seconds: '30' }, null, 'copy%'],
])(
  'a connection that is cut %s is an upstream error, and does not end the process',
  async (_when, parameters, limits, statement) => {
    await using line = await startTcpProxy(gateway.database.url)
    const url = line.through(gateway.database.url)
    const copying = copyInto(reads, parameters, new AbortController().signal, { url, limits })
    await vi.waitFor(async () =>
      expect(
        await gateway.database.query(
          'select from pg_stat_activity where datname = current_database() and query like $1',
          [statement],
        ),
      ).toHaveLength(1),
    )
    line.cut()
    // It is back at once, as after a network failover, so that the query left behind can be ended through it.
    line.restore()
    const error = await copying
    expect(error).toBeInstanceOf(SourceLostError)
    expect(describeFailure(error)).toMatchObject({ failureCode: 'UPSTREAM_ERROR', failureIsRetryable: true })
  },
)

test.each([
  [
    'a statement that took too long, in any language of the server',
    Object.assign(new DatabaseError('storniere Anfrage wegen Zeitüberschreitung', 1, 'error'), {
      code: '57014',
    }),
    { failureCode: 'TIMED_OUT', failurePath: [] },
  ],
  [
    'a Parquet file that needs more memory than its limit',
    Object.assign(new Error('Worker terminated'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }),
    { failureCode: 'INVALID_PARAMETERS', failurePath: ['output', 'formats'] },
  ],
])('%s is not retryable', (_what, error, failure) => {
  expect(describeFailure(error)).toMatchObject({ ...failure, failureIsRetryable: false })
})
