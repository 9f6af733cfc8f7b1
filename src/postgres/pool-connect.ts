import type pg from 'pg'

type Connect = () => Promise<pg.PoolClient>
type Connected = Parameters<pg.Pool['connect']>[0]

/**
 * Replaces how a pool gives connections, also for `pool.query` and Prisma. Replacements add up: the last one runs first.
 *
 * @param create receives the present way, and returns the new one
 */
export function replaceConnect(pool: pg.Pool, create: (connect: Connect) => Connect): void {
  const present: Connect = pool.connect.bind(pool)
  const replaced = create(present)
  // The pool calls its own `connect` with a callback for each query.
  function connect(): Promise<pg.PoolClient>
  function connect(callback: Connected): void
  function connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
    const connecting = replaced()
    if (!callback) return connecting
    connecting.then(
      (client) => callback(undefined, client, client.release),
      (error) => callback(error, undefined, () => {}),
    )
    return undefined
  }
  Object.assign(pool, { connect })
}
