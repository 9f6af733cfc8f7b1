import type { Logger } from 'pino'
import type { Prisma } from '../database/client.ts'
import type { Queue } from '../database/queue.ts'
import type { WakeUp } from '../events/wake-up.ts'
import type { Metrics } from '../metrics.ts'
import type { Catalog } from '../reports/catalog.ts'
import type { RunLimits } from './quota.ts'

/** What the commands on runs work with. */
export type RunDependencies = {
  prisma: Prisma
  queue: Queue
  wakeUp: WakeUp
  catalog: Catalog
  limits: RunLimits
  metrics: Pick<Metrics, 'runEnded'>
  log: Logger
  /** The present; handed in so that tests can choose it. */
  now: () => Date
}
