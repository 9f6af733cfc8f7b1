import type { Pool } from 'pg'
import type { WakeUp } from '../postgres/notify.ts'
import { type Queue, reportRunQueue } from '../postgres/queue.ts'
import type { Checks } from './readiness.ts'

/**
 * What `/ready` asks for: the database by a query, the queue by one of its own on the connections that it uses itself, and
 * the connection for wake-ups.
 */
export function createChecks(
  pool: Pool,
  { boss }: Pick<Queue, 'boss'>,
  wakeUp: Pick<WakeUp, 'isConnected'>,
): Checks {
  return {
    database: () => pool.query('select 1'),
    queue: async () => {
      if (!(await boss.getQueue(reportRunQueue))) throw new Error(`The queue ${reportRunQueue} is gone.`)
    },
    wakeUp: async () => {
      if (!wakeUp.isConnected()) throw new Error('The wake-up connection is being made anew.')
    },
  }
}
