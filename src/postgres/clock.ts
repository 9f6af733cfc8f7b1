import type { Pool } from 'pg'
import type { Logger } from 'pino'
import { type BackgroundJob, runEvery } from '../run-every.ts'
import { withClient } from './client.ts'
import type { WakeUp } from './notify.ts'

export type Clock = BackgroundJob & {
  /** The current time of the database. */
  now(): Date
  /** By how many milliseconds the clock of this machine is ahead of the database's; negative when it is behind. */
  skewMilliseconds(): number
  /** Also measures when the wake-up connection was opened again, possibly to another server. */
  follow(wakeUp: Pick<WakeUp, 'onWake'>): void
}

const measureMilliseconds = 3_000
// A machine with NTP is within a few milliseconds.
const maxSkew = 1_000

/**
 * Follows the time of the database, so that all processes have the same time, whatever their machines show. Between
 * measurements it counts with the monotonic clock: when the clock of the machine is set, nothing jumps.
 */
export async function startClock(pool: Pool, logger: Logger): Promise<Clock> {
  // The database's time when the monotonic clock of this process was 0.
  let origin = await measure(pool, null)
  let isWrong = false
  const now = (): Date => new Date(origin + performance.now())
  const skewMilliseconds = (): number => Math.round(Date.now() - (origin + performance.now()))
  const check = (): void => {
    const skew = skewMilliseconds()
    const isNowWrong = Math.abs(skew) > maxSkew
    if (isNowWrong && !isWrong) {
      const direction = skew > 0 ? 'ahead of' : 'behind'
      logger.warn(
        { clockSkewMilliseconds: skew },
        `The clock of this machine is ${Math.abs(skew) / 1000} s ${direction} the database's. The database's time is used.`,
      )
    }
    isWrong = isNowWrong
  }
  check()
  const task = async (): Promise<void> => {
    origin = await measure(pool, origin)
    check()
  }
  const job = runEvery({
    task,
    milliseconds: measureMilliseconds,
    logger,
    failureMessage: 'The time of the database could not be read; trying again.',
  })
  return {
    ...job,
    now,
    skewMilliseconds,
    follow: (wakeUp) =>
      wakeUp.onWake((tenant) => {
        // The next measurement reports an error.
        if (tenant === null) task().catch(() => {})
      }),
  }
}

/** @returns the known origin when the measurement agrees with it, within the time that the answer took */
async function measure(pool: Pool, known: number | null): Promise<number> {
  return withClient(pool, async (client) => {
    const sentAt = performance.now()
    const { rows } = await client.query<{ milliseconds: number }>(
      'select (extract(epoch from clock_timestamp()) * 1000)::float8 as milliseconds',
    )
    const answeredAt = performance.now()
    const [row] = rows
    if (!row) throw new Error('Postgres returned no time.')
    const [first, last] = [row.milliseconds - answeredAt, row.milliseconds - sentAt]
    return known !== null && known >= first && known <= last ? known : (first + last) / 2
  })
}
