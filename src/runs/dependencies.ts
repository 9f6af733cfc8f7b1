import type { Logger } from 'pino'
import type { Metrics } from '../metrics.ts'
import type { Prisma } from '../postgres/client.ts'
import type { Queue } from '../postgres/queue.ts'
import type { Catalog } from '../reports/catalog.ts'
import type { RunLimits } from './create/quota.ts'
import type { WakeUp } from './follow/wake-up.ts'

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
