import Stripe from 'stripe'
import { ConfigurationError } from '../../errors.ts'
import { checkCoverage, earlier, later, ledgerSides, type Span } from '../coverage.ts'
import { refreshStatistics } from '../load.ts'
import { secondsOf, timeOf } from './objects.ts'
import { refreshPayouts } from './payouts.ts'
import { claimSync, readSyncState, type StripeLedger, type SyncState } from './sync-state.ts'
import { type SyncWindow, syncWindow } from './sync-window.ts'

const minute = 60_000
const day = 24 * 60 * minute

const daySeconds = day / 1000
/** Stripe has no balance transaction that is older than Stripe. */
const earliestDay = Date.UTC(2010, 0, 1) / 1000 / daySeconds

/** The newest rows are left for the next time: some of the same second may still be on their way. */
const margin = 5 * minute
/** How far a sync goes back before the end of the last one, for rows that came late and charges that were changed since. */
const overlap = day
/** Maximum time that an invoice may wait for its payment and still be found with its charge. */
const maxInvoiceAge = 35 * day
/** A window is halved or doubled until it has about so many rows: little to read again after a kill. */
const rowsOfWindow = 5_000
const [minWindow, firstWindow, maxWindow] = [60 * minute, day, 32 * day]

export type SyncOptions = StripeLedger & {
  /** Where to begin when nothing was read yet, or to begin again when it is earlier; null for the first transaction. */
  from: Date | null
  /** Called after each page. */
  onProgress: (progress: SyncProgress) => void
}

export type SyncProgress = {
  /** The window that is being read. */
  window: SyncWindow
  /** When the last one will end. */
  end: Date
  /** Balance transactions that were read so far. */
  rows: number
}

/** What a sync has done. The span is null when the account has no balance transactions. */
export type SyncResult = { rows: number; span: Span | null }

/**
 * Reads what is new in a Stripe account into the ledger, from the oldest to the newest, window by window. Each window is
 * there whole or not at all, so a sync that is killed goes on with the window that it was in. Doing it twice is doing it
 * once.
 *
 * @throws ConfigurationError when another sync of this ledger runs, or the key is of another account than the last time
 * @throws InputError when a gap would lie between what is covered and the beginning
 * @throws Stripe.errors.StripeError when Stripe, or the way to it, fails for longer than the client retries
 */
export function syncStripe(options: SyncOptions): Promise<SyncResult> {
  return claimSync(options.client, options.tenant, async () => {
    const result = await sync(options)
    if (result.rows > 0) await refreshStatistics(options.client)
    return result
  })
}

function plus(time: Date, milliseconds: number): Date {
  return new Date(time.getTime() + milliseconds)
}

/** Null when the key is restricted and may not read it. */
async function findAccountId(stripe: Stripe): Promise<string | null> {
  try {
    return (await stripe.accounts.retrieveCurrent()).id
  } catch (error) {
    if (error instanceof Stripe.errors.StripePermissionError) return null
    throw error
  }
}

/** The state that the sync goes on with, or begins with; null when there is nothing to sync. */
async function findState(options: SyncOptions, end: Date): Promise<SyncState | null> {
  const { stripe, client, tenant, from } = options
  const id = await findAccountId(stripe)
  const known = await readSyncState(client, tenant)
  if (id && known?.stripeAccountId && id !== known.stripeAccountId) {
    throw new ConfigurationError(
      `The ledger of ${tenant.accountId} was read from the Stripe account ${known.stripeAccountId}, and the key in STRIPE_API_KEY is one of ${id}. Name another account of yours: --account acct_…`,
    )
  }
  const stripeAccountId = id ?? known?.stripeAccountId ?? null
  if (known && (from === null || from >= known.from)) return { ...known, stripeAccountId }
  const start = from ?? (await findFirstDay(stripe, end))
  if (start === null) return null
  await checkCoverage(client, tenant, { from: start, until: later(start, end) }, ledgerSides)
  return { unsettledPayouts: [], unsweptPayouts: [], ...known, stripeAccountId, from: start, until: start }
}

/**
 * The UTC day of the first balance transaction. Stripe lists them newest first and has no way to ask for the oldest, so
 * this halves the time that is left, with a dozen requests.
 *
 * @returns the beginning of that day; null when there is none before `until`
 */
async function findFirstDay(stripe: Stripe, until: Date): Promise<Date | null> {
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

function nextLength(length: number, rows: number): number {
  if (rows > rowsOfWindow * 2) return Math.max(length / 2, minWindow)
  return rows < rowsOfWindow / 2 ? Math.min(length * 2, maxWindow) : length
}

async function sync(options: SyncOptions): Promise<SyncResult> {
  const { now, onProgress } = options
  const end = new Date(Math.floor(plus(now, -margin).getTime() / 1000) * 1000)
  const found = await findState(options, end)
  if (found === null) return { rows: 0, span: null }
  let state = await refreshPayouts(options, found)
  let from = later(state.from, plus(state.until, -overlap))
  let invoicesFrom = plus(from, -maxInvoiceAge)
  let length = firstWindow
  let rows = 0
  while (from < end) {
    const window = { from, until: earlier(plus(from, length), end), invoicesFrom }
    const before = rows
    onProgress({ window, end, rows })
    state = await syncWindow(options, state, window, (more) => {
      rows += more
      onProgress({ window, end, rows })
    })
    length = nextLength(length, rows - before)
    from = window.until
    invoicesFrom = from
  }
  return { rows, span: { from: state.from, until: state.until } }
}
