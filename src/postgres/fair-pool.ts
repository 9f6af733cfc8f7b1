import type pg from 'pg'
import { createFairQueue, type Leave, requestLimits } from '../fair-queue.ts'
import { currentRequest } from '../request-context.ts'

type Connected = Parameters<pg.Pool['connect']>[0]

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
  const connectDirectly: () => Promise<pg.PoolClient> = pool.connect.bind(pool)

  const connectInTurn = async (): Promise<pg.PoolClient> => {
    const leave = await queue.enter(currentRequest().accountId ?? null)
    try {
      const client = await connectDirectly()
      leaves.set(client, leave)
      return client
    } catch (error) {
      leave()
      throw error
    }
  }

  // The pool calls its own `connect` with a callback for each query.
  function connect(): Promise<pg.PoolClient>
  function connect(callback: Connected): void
  function connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
    const connecting = connectInTurn()
    if (!callback) return connecting
    connecting.then(
      (client) => callback(undefined, client, client.release),
      (error) => callback(error, undefined, () => {}),
    )
    return undefined
  }
  Object.defineProperty(pool, 'waitingCount', { get: queue.waiting })
  return Object.assign(pool, { connect })
}
