import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Clock } from '../postgres/clock.ts'
import type { WakeUp } from '../postgres/notify.ts'
import type { Queue } from '../postgres/queue.ts'
import { reportRunQueue } from '../postgres/queue.ts'
import { shareAnswer } from './share-answer.ts'

/** What serving depends on. Every response lists all of them, even during the start, so that its form never changes. */
type Dependency = 'database' | 'queue' | 'wakeUp' | 'storage'

/** One check per dependency; it rejects, or does not resolve in time, when the dependency is down. */
export type Checks = Record<Dependency, () => Promise<unknown>>

export type Readiness = ReturnType<typeof createReadiness>

type Answers = Record<Dependency, 'up' | 'down'>

/**
 * Tracks whether this process can serve requests, as `/ready` reports it.
 *
 * @param options maximum time of a check, and how long its answer is cached, so that probes cannot load the database
 */
export function createReadiness({ limitMilliseconds = 1_000, cacheMilliseconds = 1_000 } = {}) {
  let state: 'starting' | 'serving' | 'stopping' = 'starting'
  let skewMilliseconds: Clock['skewMilliseconds'] | null = null
  let askReplica: (() => Promise<'up' | 'down'>) | null = null
  let askAll = async (): Promise<Answers> => ({
    database: 'down',
    queue: 'down',
    wakeUp: 'down',
    storage: 'down',
  })
  return {
    /** Starts the checks: the process now serves requests. `checkReplica` is null when reports read the primary. */
    serve: (
      checks: Checks,
      clock: Pick<Clock, 'skewMilliseconds'>,
      checkReplica: (() => Promise<unknown>) | null = null,
    ) => {
      if (checkReplica) {
        askReplica = shareAnswer(() => outcome(checkReplica, limitMilliseconds), cacheMilliseconds)
      }
      skewMilliseconds = clock.skewMilliseconds
      const ask = (dependency: Dependency) => outcome(checks[dependency], limitMilliseconds)
      askAll = shareAnswer(async () => {
        const [database, queue, wakeUp, storage] = await Promise.all([
          ask('database'),
          ask('queue'),
          ask('wakeUp'),
          ask('storage'),
        ])
        return { database, queue, wakeUp, storage }
      }, cacheMilliseconds)
      if (state === 'starting') state = 'serving'
    },
    /** From now on the process is not ready, whatever the checks return. */
    stop: () => {
      state = 'stopping'
    },
    ask: async () => {
      const [checks, replica] = await Promise.all([askAll(), askReplica?.()])
      // A detail, not a check: the process uses the time of the database, and its own clock does not matter.
      const clockSkewMilliseconds = skewMilliseconds?.() ?? null
      const isUp = Object.values(checks).every((answer) => answer === 'up')
      const working = isUp ? 'ready' : 'unavailable'
      // Another detail: without the replica, a gateway serves every request, and reports wait.
      const details = { ...(replica && { replica }), clockSkewMilliseconds }
      return { status: state === 'serving' ? working : state, checks, ...details }
    },
  }
}

// A database that was just made read-only is so for new sessions alone, so its own settings count, too.
const isWritable = `
  select where current_setting('transaction_read_only') = 'off' and not exists (
    select from pg_db_role_setting as given, unnest(given.setconfig) as setting
    where given.setrole = 0 and given.setdatabase = (select oid from pg_database where datname = current_database())
      and setting ~* '^default_transaction_read_only=(on|true|yes|1)$'
  )`

/**
 * Creates the checks: a query to the database, a query of the queue on its own connections, the state of the wake-up
 * connection, and whether the file store is there and is that of the database.
 */
export function createChecks(
  pool: Pool,
  { boss }: Pick<Queue, 'boss'>,
  wakeUp: Pick<WakeUp, 'isConnected'>,
  storage: { check(): Promise<void> },
): Checks {
  return {
    database: async () => {
      const { rowCount } = await pool.query(isWritable)
      if (rowCount === 0) throw new Error('The database is read-only.')
    },
    queue: async () => {
      if (!(await boss.getQueue(reportRunQueue)))
        throw new Error(`The queue ${reportRunQueue} does not exist.`)
    },
    wakeUp: async () => {
      if (!wakeUp.isConnected()) throw new Error('The wake-up connection is reconnecting.')
    },
    storage: storage.check,
  }
}

function outcome(check: () => Promise<unknown>, limitMilliseconds: number): Promise<'up' | 'down'> {
  const asked = check().then(
    () => 'up' as const,
    () => 'down' as const,
  )
  return Promise.race([asked, delay(limitMilliseconds, 'down' as const, { ref: false })])
}
