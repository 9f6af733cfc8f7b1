import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pool } from 'pg'
import pino, { type Logger } from 'pino'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { type Metrics, noMetrics } from '../../src/metrics.ts'
import { createPool, createPrisma, type Prisma } from '../../src/postgres/client.ts'
import { startWakeUp, type WakeUp } from '../../src/postgres/notify.ts'
import { createRowReader, type ReadRows } from '../../src/postgres/rows.ts'
import { createHub, type Hub } from '../../src/runs/follow/hub.ts'
import { createRunLoader } from '../../src/runs/list/find-run.ts'
import { createLocalStorage } from '../../src/storage/local-storage.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { noTracing, type Tracing } from '../../src/tracing.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import type { RunOwner } from './insert-run.ts'

/** The parts that process runs below HTTP, for timing that no client can control. There is no queue and no worker. */
export type RunParts = AsyncDisposable & {
  database: TestDatabase
  pool: Pool
  prisma: Prisma
  rows: ReadRows
  wakeUp: WakeUp
  hub: Hub
  storage: Storage
  /** Its folder `files` holds the storage. */
  dataDir: string
  owner: RunOwner
  logger: Logger
  metrics: Metrics
  tracing: Tracing
  /** The parsed log lines. */
  logged: Record<string, unknown>[]
}

export async function openRunParts(): Promise<RunParts> {
  await using cleanup = new AsyncDisposableStack()
  const metrics = noMetrics
  const logged: Record<string, unknown>[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }))
  const database = cleanup.use(await createTestDatabase())
  const pool = createPool({ url: database.url, max: 5, applicationName: 'test', onError: () => {} })
  cleanup.defer(() => pool.end())
  const prisma = createPrisma(pool)
  cleanup.defer(() => prisma.$disconnect())
  const rows = createRowReader(pool)
  const wakeUp = await startWakeUp(database.url, pool, logger, { metrics })
  cleanup.defer(wakeUp.stop)
  const hub = createHub({ prisma, rows, wakeUp, loadRun: createRunLoader(rows).load, logger, metrics })
  cleanup.defer(hub.stop)
  const accountId = newId(idPrefixes.account, new Date())
  await prisma.account.create({ data: { id: accountId, name: 'Test' } })
  const { apiKey } = await createApiKey(prisma, { accountId, livemode: false, name: 'Test' })
  const owner = { accountId, livemode: false, apiKeyId: apiKey.id }
  const storage = createLocalStorage(join(dataDir, 'files'))
  const opened = cleanup.move()
  return {
    database,
    pool,
    prisma,
    rows,
    wakeUp,
    hub,
    storage,
    dataDir,
    owner,
    logger,
    logged,
    metrics,
    tracing: noTracing,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
