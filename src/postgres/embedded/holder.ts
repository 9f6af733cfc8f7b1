import type { Client } from 'pg'

/** In the database `postgres`, where no one but holders takes advisory locks. */
const HOLDER_LOCK = 4_873_120_021

/** Long enough for Postgres to notice that a holder was killed a moment ago. */
const HOLDER_WAIT = '250ms'

const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Marks the server as in use for as long as this session lives, by a shared advisory lock. A process that is
 * killed loses its sessions, so what the lock says is always true.
 */
export async function hold(session: Client): Promise<void> {
  await session.query('select pg_advisory_lock_shared($1)', [HOLDER_LOCK])
}

/**
 * Ends a holder's session and tells whether it was the only one. New ones must not come meanwhile: call it
 * while holding the lock of the data folder.
 *
 * @throws when the server does not answer
 */
export async function endIfLast(session: Client): Promise<boolean> {
  try {
    await session.query(`set lock_timeout = '${HOLDER_WAIT}'`)
    await session.query('select pg_advisory_lock($1)', [HOLDER_LOCK])
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE) return false
    throw error
  } finally {
    await session.end()
  }
}
