import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Metrics } from '../metrics.ts'
import type { Prisma } from '../postgres/client.ts'
import type { WakeUp } from '../postgres/notify.ts'
import type { Queue } from '../postgres/queue.ts'
import type { ReadRows } from '../postgres/rows.ts'
import type { Catalog } from '../reports/catalog.ts'
import type { Storage } from '../storage/storage.ts'
import type { Tracing } from '../tracing.ts'
import type { RunLimits } from './create/quota.ts'
import type { Hub } from './follow/hub.ts'
import type { RunLoader } from './list/find-run.ts'

/** The resources that a process opens once and shares. A function declares the ones it needs with `Pick`. */
export type Services = {
  prisma: Prisma
  /** The short way to rows, for reads that most requests make. */
  rows: ReadRows
  /** The connections of `prisma`, for statements on hot paths. */
  pool: Pool
  queue: Queue
  wakeUp: WakeUp
  hub: Hub
  runLoader: RunLoader
  catalog: Catalog
  limits: RunLimits
  storage: Storage
  metrics: Metrics
  tracing: Tracing
  logger: Logger
  /** The current time; handed in so that tests can set it. */
  now: () => Date
}
