import type { Pool } from 'pg'
import { queueSchema, reportRunQueue } from '../database/queue.ts'
import type { WakeUp } from '../events/wake-up.ts'
import type { Checks } from './readiness.ts'

/** What `/ready` asks for: the database and the queue's tables in it each by a query, and the connection for wake-ups. */
export const createChecks = (pool: Pool, wakeUp: Pick<WakeUp, 'isConnected'>): Checks => ({
  database: () => pool.query('select 1'),
  queue: () => pool.query(`select version from ${queueSchema}.version`),
  wakeUp: async () => {
    if (!wakeUp.isConnected()) throw new Error('The wake-up connection is being made anew.')
  },
})

/** Report runs that wait for a worker, by an index that has only those. */
export const countWaitingRuns = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::integer as count from ${queueSchema}.job where name = $1 and state < 'active'`,
    [reportRunQueue],
  )
  return rows[0]?.count ?? 0
}
