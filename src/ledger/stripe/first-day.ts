import type Stripe from 'stripe'
import { secondsOf, timeOf } from './objects.ts'

const daySeconds = 86_400
/** Stripe has no balance transaction that is older than Stripe. */
const earliestDay = Date.UTC(2010, 0, 1) / 1000 / daySeconds

/**
 * The UTC day of the first balance transaction. Stripe lists them newest first and has no way to ask for the oldest, so
 * this halves the time that is left, with a dozen requests.
 *
 * @returns the beginning of that day; null when there is none before `until`
 */
export async function findFirstDay(stripe: Stripe, until: Date): Promise<Date | null> {
  /** Day of the newest one before a moment, in days since 1970. */
  const newestBefore = async (seconds: number): Promise<number | null> => {
    const { data } = await stripe.balanceTransactions.list({ limit: 1, created: { lt: seconds } })
    return data[0] ? Math.floor(data[0].created / daySeconds) : null
  }
  let first = await newestBefore(secondsOf(until))
  if (first === null) return null
  // There is one on the day `first`, and none before the day `empty`.
  let empty = earliestDay
  while (empty < first) {
    const middle = Math.ceil((empty + first) / 2)
    const newest = await newestBefore(middle * daySeconds)
    if (newest === null) empty = middle
    else first = newest
  }
  return timeOf(first * daySeconds)
}
