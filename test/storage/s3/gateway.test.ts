import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { noMetrics } from '../../../src/metrics.ts'
import type { WakeUp } from '../../../src/postgres/notify.ts'
import { deleteExpiredFiles } from '../../../src/runs/lifecycle/delete-run.ts'
import { openFileStore } from '../../../src/storage/file-store.ts'
import { openMarkedStorage } from '../../../src/storage/mark.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { type S3Server, s3Credentials, startS3Server } from '../../support/s3-server.ts'
import { createSlowRun, endOf, slowReport, storedFiles } from '../../support/slow-report.ts'

let server: S3Server
let gateway: TestGateway
let account: TestAccount
const cleanup = new AsyncDisposableStack()
beforeAll(async () => {
  for (const [name, value] of Object.entries(s3Credentials)) vi.stubEnv(name, value)
  cleanup.defer(() => void vi.unstubAllEnvs())
  server = cleanup.use(await startS3Server())
  const config = { s3: server.config, runAttempts: 2 }
  gateway = cleanup.use(await startTestGateway({ reportTypes: [slowReport], config }))
  account = await gateway.createAccount()
})
afterAll(() => cleanup.disposeAsync())

async function filesOf(id: string): Promise<string[]> {
  return (await server.files()).filter((file) => file.includes(id))
}

const noWakeUp: WakeUp = {
  notify: () => {},
  announceJob: () => {},
  onWake: () => {},
  onKeyChange: () => {},
  isConnected: () => true,
  stop: async () => {},
}

const resultQuery = `query ($id: ID!, $after: String) { reportRun(id: $id) {
  result {
    rowCount
    rows(first: 2, after: $after) { rows pageInfo { endCursor hasNextPage } }
    files { filename byteSize sha256 download(expiresIn: "PT1M") { url expiresAt } }
  } } }`
type Result = {
  rowCount: string
  rows: {
    rows: (string | null)[][]
    pageInfo: { endCursor: string | null; hasNextPage: boolean }
  } | null
  files: { filename: string; download: { url: string; expiresAt: string } | null }[]
}
async function resultOf(id: string, after: string | null = null): Promise<Result> {
  const { reportRun } = await account.client.request<{ reportRun: { result: Result } }>(resultQuery, {
    id,
    after,
  })
  return reportRun.result
}

async function succeededRun(): Promise<string> {
  const id = await createSlowRun(account.client, { rows: '3', width: '2' })
  expect((await endOf(account.client, id)).status).toBe('SUCCEEDED')
  return id
}

test('a report is stored in the bucket, paged by rows, and downloaded from the bucket without an API key', async () => {
  const id = await succeededRun()
  expect(await filesOf(id)).not.toEqual([])
  expect(await storedFiles(gateway.dataDir).catch(() => [])).toEqual([])

  const { rows, files } = await resultOf(id)
  expect(rows).toMatchObject({
    rows: [
      ['1', 'xx'],
      ['2', 'xx'],
    ],
    pageInfo: { hasNextPage: true },
  })
  const next = await resultOf(id, rows?.pageInfo.endCursor)
  expect(next.rows).toMatchObject({ rows: [['3', 'xx']], pageInfo: { hasNextPage: false } })

  const [file] = files
  const url = file?.download?.url ?? ''
  expect(
    url.startsWith(`${server.config.endpoint}/reports/some/folder/${account.accountId}/test/${id}/`),
  ).toBe(true)
  const life = Date.parse(file?.download?.expiresAt ?? '') - Date.now()
  expect(life).toBeGreaterThan(50_000)
  expect(life).toBeLessThanOrEqual(61_000)
  const response = await fetch(url)
  expect([response.status, await response.text()]).toEqual([
    200,
    '"number","filler"\n"1","xx"\n"2","xx"\n"3","xx"\n',
  ])
  expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${file?.filename}"`)
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  const part = await fetch(url, { headers: { range: 'bytes=1-6' } })
  expect([part.status, await part.text()]).toEqual([206, 'number'])
  // The signature covers the file name.
  expect((await fetch(url.replace(`${file?.filename}`, 'other.csv'))).status).toBe(403)
  expect((await fetch(`${gateway.url}/files/file_1?expires=1&signature=x`)).status).toBe(404)
})

test('a cursor that is not from the rows is rejected, and the error names it', async () => {
  const id = await succeededRun()
  const { errors } = await account.client.execute(resultQuery, { id, after: 'nonsense' })
  expect(errors).toMatchObject([
    {
      message:
        '"nonsense" is not a cursor of this file. Pass a cursor that the rows of this result returned.',
      extensions: { code: 'BAD_USER_INPUT', argument: 'after' },
    },
  ])
})

test('a deleted run leaves no file in the bucket, and a tombstone in the database', async () => {
  const [id, other] = [await succeededRun(), await succeededRun()]
  const url = (await resultOf(id)).files[0]?.download?.url ?? ''
  await account.client.request(
    'mutation ($id: ID!) { deleteReportRun(input: { id: $id }) { deletedId userErrors { message } } }',
    {
      id,
    },
  )
  expect(await filesOf(id)).toEqual([])
  expect(await filesOf(other)).not.toEqual([])
  expect((await fetch(url)).status).toBe(404)
  const row = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id } })
  expect(row.deletedAt).not.toBeNull()
})

test('files are deleted from the bucket after their retention; the run stays', async () => {
  const id = await succeededRun()
  const store = await openFileStore({ dataDir: gateway.dataDir, s3: server.config })
  const { prisma } = gateway
  const now = (): Date => new Date(Date.now() + 31 * 24 * 60 * 60 * 1000)
  const deps = { prisma, storage: store.storage, metrics: noMetrics, wakeUp: noWakeUp, now }
  await deleteExpiredFiles(deps, AbortSignal.timeout(10_000))
  store.close()
  expect(await filesOf(id)).toEqual([])
  const { rowCount, rows, files } = await resultOf(id)
  expect({ rowCount, rows, files }).toMatchObject({ rowCount: '3', rows: null, files: [{ download: null }] })
})

test('a run whose store goes down is retried, then FAILED; runs succeed again when the store is back', async () => {
  const { client } = account
  const kept = await succeededRun()
  const id = await createSlowRun(client, { rows: '2000', row_seconds: '0.002', width: '40000' })
  // A part of the file is in the bucket when the store goes down.
  await vi.waitFor(async () => expect(await filesOf('uploads')).not.toEqual([]), 30_000)
  await server.stop()
  const run = await endOf(client, id)
  expect(run.failure).toMatchObject({
    code: 'STORAGE_ERROR',
    message:
      'The file could not be stored: the store cannot be reached. No part of it was kept. Try again later.',
    isRetryable: true,
  })
  const row = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id } })
  expect(row.execution).toBe(2)

  const { errors } = await client.execute(resultQuery, { id: kept })
  expect(errors?.map(({ extensions }) => extensions?.code)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
  const refusal = await client.execute(
    'mutation ($id: ID!) { deleteReportRun(input: { id: $id }) { deletedId } }',
    {
      id: kept,
    },
  )
  expect(refusal.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }])

  await server.start()
  expect((await resultOf(kept)).rows?.rows).toHaveLength(2)
  await client.request('mutation ($id: ID!) { deleteReportRun(input: { id: $id }) { deletedId } }', { id })
  expect(await filesOf('uploads')).toEqual([])
  await succeededRun()
})

test('a run succeeds when the store is back in time', async () => {
  await server.stop()
  const id = await createSlowRun(account.client, { rows: '3' })
  await vi.waitFor(
    () => expect(gateway.logged.filter(({ runId, losses }) => runId === id && losses === 1)).toHaveLength(1),
    10_000,
  )
  await server.start()
  expect((await endOf(account.client, id)).status).toBe('SUCCEEDED')
})

test('another prefix of the bucket is another store: a process with it does not start', async () => {
  const store = await openFileStore({ dataDir: gateway.dataDir, s3: { ...server.config, prefix: 'other' } })
  await using _close = { [Symbol.asyncDispose]: async () => store.close() }
  await expect(openMarkedStorage({ prisma: gateway.prisma, store }, true)).rejects.toThrow(
    /^The bucket "\w+" at http.+, under the prefix "other" cannot be the file store of this database: it is empty/,
  )
})

test.each([
  [
    'that does not exist',
    { bucket: 'nowhere' },
    /The bucket "nowhere" at http.+ cannot be used: the store responded with 404/,
  ],
  [
    'of a store that cannot be reached',
    { endpoint: 'http://127.0.0.1:1' },
    /at http:\/\/127\.0\.0\.1:1 cannot be used: the store cannot be reached\. Check S3_BUCKET/,
  ],
])('a gateway does not start on a bucket %s, and reports why', async (_what, difference, sentence) => {
  const opening = openFileStore({ dataDir: gateway.dataDir, s3: { ...server.config, ...difference } })
  await expect(opening).rejects.toMatchObject({
    name: 'ConfigurationError',
    message: expect.stringMatching(sentence),
  })
})
