import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { noMetrics } from '../../../src/metrics.ts'
import { createPool } from '../../../src/postgres/client.ts'
import { startWakeUp } from '../../../src/postgres/notify.ts'
import { type DeleteServices, deleteExpiredFiles } from '../../../src/runs/lifecycle/delete-run.ts'
import { createLocalStorage } from '../../../src/storage/local-storage.ts'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { created, slowInput } from '../../support/run-mutations.ts'
import { endOf, slowReport, storedFiles } from '../../support/slow-report.ts'

let gateway: TestGateway
let deps: Omit<DeleteServices, 'now'>
const cleanup = new AsyncDisposableStack()
beforeAll(async () => {
  gateway = cleanup.use(await startTestGateway({ reportTypes: [slowReport] }))
  const { url } = gateway.database
  const pool = createPool({ url, max: 2, applicationName: 'test', onError: () => {} })
  cleanup.defer(() => pool.end())
  const wakeUp = await startWakeUp(url, pool, pino({ level: 'silent' }), { metrics: noMetrics })
  cleanup.defer(wakeUp.stop)
  deps = {
    prisma: gateway.prisma,
    wakeUp,
    metrics: noMetrics,
    storage: createLocalStorage(join(gateway.dataDir, 'files')),
  }
})
afterAll(() => cleanup.disposeAsync())

const never = new AbortController().signal
function deleteAt(at: Date, storage = deps.storage): Promise<void> {
  return deleteExpiredFiles({ ...deps, storage, now: () => at }, never)
}

async function endedRun(retention: string) {
  const { client } = await gateway.createAccount()
  const { id } = await created(client, slowInput({ output: { retention } }))
  const { finishedAt, result } = await endOf(client, id)
  const file = result?.files[0]
  return { client, id, finishedAt: new Date(finishedAt ?? ''), url: file?.download.url ?? '' }
}

const seen = `query ($id: ID!) { reportRun(id: $id) {
  status expiresAt version result { rowCount files { sha256 download { url } } } } }`
type Seen = {
  reportRun: {
    status: string
    expiresAt: string
    version: number
    result: { rowCount: string; files: { sha256: string; download: object | null }[] }
  }
}

test('the files of a result are deleted when they expire; the run stays, and followers are notified', async () => {
  const { client, id, finishedAt, url } = await endedRun('P2D')
  const { reportRun: before } = await client.request<Seen>(seen, { id })
  const expiresAt = new Date(finishedAt.getTime() + 2 * 24 * 60 * 60 * 1000)
  expect(before.expiresAt).toBe(expiresAt.toISOString())
  const { reportRuns } = await client.request<{ reportRuns: { eventCursor: string } }>(
    '{ reportRuns { eventCursor } }',
  )

  await deleteAt(new Date(expiresAt.getTime() - 1))
  expect((await client.request<Seen>(seen, { id })).reportRun).toMatchObject({ version: before.version })
  expect((await fetch(url)).status).toBe(200)

  await deleteAt(expiresAt)
  expect((await storedFiles(gateway.dataDir)).filter((file) => file.includes(id))).toEqual([])
  expect((await fetch(url)).status).toBe(410)
  const { reportRun } = await client.request<Seen>(seen, { id })
  expect(reportRun).toMatchObject({ status: 'SUCCEEDED', version: before.version + 1 })
  expect(reportRun.result).toEqual({
    rowCount: '10',
    files: [{ sha256: before.result.files[0]?.sha256, download: null }],
  })
  const { reportRunEvents } = await client.request<{ reportRunEvents: { nodes: object[] } }>(
    'query ($after: EventCursor) { reportRunEvents(after: $after) { nodes { __typename run { id } } } }',
    { after: reportRuns.eventCursor },
  )
  expect(reportRunEvents.nodes).toEqual([{ __typename: 'ReportRunSnapshot', run: { id } }])

  // A second call changes nothing.
  await deleteAt(expiresAt)
  expect((await client.request<Seen>(seen, { id })).reportRun.version).toBe(before.version + 1)
})

test('files that cannot be deleted do not block those of other runs, and are tried again', async () => {
  const first = await endedRun('PT1S')
  const second = await endedRun('PT2S')
  const at = new Date(second.finishedAt.getTime() + 10_000)
  const storage = {
    ...deps.storage,
    remove: async (key: string) => {
      if (key.includes(first.id)) throw new Error('The disk is broken.')
      await deps.storage.remove(key)
    },
  }
  await expect(deleteAt(at, storage)).rejects.toThrow(first.id)
  expect((await fetch(first.url)).status).toBe(200)
  expect((await fetch(second.url)).status).toBe(410)
  await deleteAt(at)
  expect((await fetch(first.url)).status).toBe(410)
})

test('an aborted signal stops the deletion between two runs', async () => {
  const { finishedAt, url } = await endedRun('PT1S')
  const now = () => new Date(finishedAt.getTime() + 10_000)
  await expect(deleteExpiredFiles({ ...deps, now }, AbortSignal.abort())).rejects.toThrow()
  expect((await fetch(url)).status).toBe(200)
})
