import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { WakeUp } from '../postgres/notify.ts'
import type { Queue } from '../postgres/queue.ts'
import { reportRunQueue } from '../postgres/queue.ts'

/** What serving needs. All three stand in every answer, so that a probe need not know how far a start has come. */
type Need = 'database' | 'queue' | 'wakeUp'

/** Each asks for one need; it rejects or does not answer when that is down. */
export type Checks = Record<Need, () => Promise<unknown>>

type Answers = Record<Need, 'up' | 'down'>

/**
 * Whether this process should be sent requests, as `/ready` shows it.
 *
 * @param options how long a check may take, and how long an answer holds, so that probes cannot load the database
 */
export function createReadiness({ limitMilliseconds = 1_000, cacheMilliseconds = 1_000 } = {}) {
  let state: 'starting' | 'serving' | 'stopping' = 'starting'
  let askAll = async (): Promise<Answers> => ({ database: 'down', queue: 'down', wakeUp: 'down' })
  return {
    /** Begins to ask: the process serves now. */
    serve: (checks: Checks) => {
      const ask = (need: Need) => outcome(checks[need], limitMilliseconds)
      askAll = shareAnswer(async () => {
        const [database, queue, wakeUp] = await Promise.all([ask('database'), ask('queue'), ask('wakeUp')])
        return { database, queue, wakeUp }
      }, cacheMilliseconds)
      if (state === 'starting') state = 'serving'
    },
    /** From now on the process is not ready, whatever the checks say. */
    stop: () => {
      state = 'stopping'
    },
    ask: async () => {
      const checks = await askAll()
      if (state !== 'serving') return { status: state, checks }
      const isUp = Object.values(checks).every((answer) => answer === 'up')
      return { status: isUp ? 'ready' : 'unavailable', checks }
    },
  }
}

/**
 * Asks the database by a query, the queue by one of its own on the connections that it uses itself, and the connection for
 * wake-ups.
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

/** Asks one question at a time, and gives its answer to all who ask before it comes or so long after. */
export function shareAnswer<Answer>(
  ask: () => Promise<Answer>,
  cacheMilliseconds: number,
): () => Promise<Answer> {
  let asked: { answer: Promise<Answer>; until: number } | null = null
  return () => {
    if (asked && Date.now() < asked.until) return asked.answer
    const round = { answer: ask(), until: Number.POSITIVE_INFINITY }
    const keep = (): void => {
      round.until = Date.now() + cacheMilliseconds
    }
    round.answer.then(keep, keep)
    asked = round
    return round.answer
  }
}

function outcome(check: () => Promise<unknown>, limitMilliseconds: number): Promise<'up' | 'down'> {
  const asked = check().then(
    () => 'up' as const,
    () => 'down' as const,
  )
  return Promise.race([asked, delay(limitMilliseconds, 'down' as const, { ref: false })])
}
