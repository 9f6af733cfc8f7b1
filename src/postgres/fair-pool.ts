import type pg from 'pg'
import { createFairQueue, type Leave, requestLimits } from '../fair-queue.ts'
import { currentRequest } from '../request-context.ts'
import { replaceConnect } from './pool-connect.ts'

/**
 * Makes the accounts share the connections of a pool: every query and every transaction, also those of Prisma, waits for
 * the turn of the account of its request. Work outside a request is that of the process. The holder of a connection must
 * not wait for another one.
 *
 * `connect` and `query` then reject with a CongestionError when a request waits too long.
 */
export function shareFairly(pool: pg.Pool): pg.Pool {
  const queue = createFairQueue(pool.options.max, requestLimits)
  const leaves = new WeakMap<pg.PoolClient, Leave>()
  pool.on('release', (_error, client) => leaves.get(client)?.())
  replaceConnect(pool, (connect) => async () => {
    const leave = await queue.enter(currentRequest().accountId ?? null)
    try {
      const client = await connect()
      leaves.set(client, leave)
      return client
    } catch (error) {
      leave()
      throw error
    }
  })
  return Object.defineProperty(pool, 'waitingCount', { get: queue.waiting })
}
