import { setTimeout as delay } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import { isShortage } from './outage.ts'

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
  const connectOnce: () => Promise<PoolClient> = pool.connect.bind(pool)
  let timer: NodeJS.Timeout | undefined
  const limitPool = (): void => {
    pool.options.max = Math.max(1, pool.totalCount)
    clearTimeout(timer)
    timer = setTimeout(() => {
      pool.options.max = max
    }, modestMilliseconds).unref()
  }
  const connect = async (): Promise<PoolClient> => {
    const deadline = performance.now() + limitMilliseconds
    while (true) {
      try {
        return await connectOnce()
      } catch (error) {
        if (!isShortage(error) || performance.now() + retryMilliseconds > deadline) throw error
        limitPool()
        if (pool.totalCount === 0) await delay(retryMilliseconds)
      }
    }
  }
  const connectWaiting = (done?: (error: unknown, client?: PoolClient, release?: unknown) => void) =>
    done
      ? void connect().then(
          (client) => done(undefined, client, client.release),
          (error) => done(error, undefined, () => {}),
        )
      : connect()
  // `pg` overloads the method for callbacks, which an implementation of both cannot be typed as.
  pool.connect = connectWaiting as Pool['connect']
}
