import { setTimeout as delay } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import { isShortage } from './outage.ts'
import { replaceConnect } from './pool-connect.ts'

const retryMilliseconds = 100
/** How long a pool makes do with the connections that it has, after the server refused another. */
const modestMilliseconds = 10_000

/**
 * Makes a pool wait when Postgres has no connection left, instead of failing at once: for one of its own connections when it
 * has any, and otherwise until the server accepts a new one.
 *
 * @param limitMilliseconds maximum time to wait
 */
export function waitWhenShort(pool: Pool, limitMilliseconds: number): void {
  const { max = 1 } = pool.options
  let timer: NodeJS.Timeout | undefined
  const limitPool = (): void => {
    pool.options.max = Math.max(1, pool.totalCount)
    clearTimeout(timer)
    timer = setTimeout(() => {
      pool.options.max = max
    }, modestMilliseconds).unref()
  }
  const connectWaiting = async (connect: () => Promise<PoolClient>): Promise<PoolClient> => {
    const deadline = performance.now() + limitMilliseconds
    while (true) {
      try {
        return await connect()
      } catch (error) {
        if (!isShortage(error) || performance.now() + retryMilliseconds > deadline) throw error
        limitPool()
        if (pool.totalCount === 0) await delay(retryMilliseconds)
      }
    }
  }
  replaceConnect(pool, (connect) => () => connectWaiting(connect))
}
