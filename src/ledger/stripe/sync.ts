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
/** No balance transaction is older than Stripe. */
const earliestDay = Date.UTC(2010, 0, 1) / 1000 / daySeconds

/** The newest rows are left for the next sync, because more rows with the same times can still appear. */
const margin = 5 * minute
/** Overlap with the last sync, for late rows and changed charges. */
const overlap = day
/** Maximum time between the creation of an invoice and its payment for which the sync finds the invoice. */
const maxInvoiceAge = 35 * day
/** Target number of rows per window. A small window means little to read again after a crash. */
const targetRows = 5_000
const [minWindow, firstWindow, maxWindow] = [60 * minute, day, 32 * day]

export type SyncOptions = StripeLedger & {
  /**
   * Where to start the first sync. An earlier value than last time restarts there. Null starts at the first
   * transaction.
   */
  from: Date | null
  /** Called after each page. */
  onProgress: (progress: SyncProgress) => void
}

export type SyncProgress = {
  /** The current window. */
  window: SyncWindow
  /** The end of the last window. */
  end: Date
  /** Balance transactions read so far. */
  rows: number
}

/** The result of a sync. `span` is null when the account has no balance transactions. */
export type SyncResult = { rows: number; span: Span | null }

/**
 * Reads new data of a Stripe account into the ledger, from the oldest to the newest, window by window. Each window is
 * stored in one transaction, so a killed sync continues with its current window. Syncing again is idempotent.
 *
 * @throws ConfigurationError when another sync of this ledger runs, or the key belongs to another Stripe account than
 * before
 * @throws InputError when a gap would remain between the start and the coverage
 * @throws Stripe.errors.StripeError when Stripe or the connection fails for longer than the client retries
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

/** Returns null when the key is restricted and cannot read the account. */
async function findAccountId(stripe: Stripe): Promise<string | null> {
  try {
    return (await stripe.accounts.retrieveCurrent()).id
  } catch (error) {
    if (error instanceof Stripe.errors.StripePermissionError) return null
    throw error
  }
}

/** Returns the state to start from; null when there is nothing to sync. */
async function findState(options: SyncOptions, end: Date): Promise<SyncState | null> {
  const { stripe, client, tenant, from } = options
  const id = await findAccountId(stripe)
  const known = await readSyncState(client, tenant)
  if (id && known?.stripeAccountId && id !== known.stripeAccountId) {
    throw new ConfigurationError(
      `The ledger of ${tenant.accountId} comes from the Stripe account ${known.stripeAccountId}, but the key in STRIPE_API_KEY belongs to ${id}. Select another account with --account acct_….`,
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
 * Finds the UTC day of the first balance transaction. Stripe lists the newest first and cannot return the oldest, so
 * this is a binary search with a dozen requests.
 *
 * @returns the start of that day; null when there is no transaction before `until`
 */
async function findFirstDay(stripe: Stripe, until: Date): Promise<Date | null> {
  /** Returns the day of the newest transaction before a time, in days since 1970. */
  const newestBefore = async (seconds: number): Promise<number | null> => {
    const { data } = await stripe.balanceTransactions.list({ limit: 1, created: { lt: seconds } })
    return data[0] ? Math.floor(data[0].created / daySeconds) : null
  }
  let first = await newestBefore(secondsOf(until))
  if (first === null) return null
  // Invariant: the day `first` has a transaction, and there is none before the day `empty`.
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
  if (rows > targetRows * 2) return Math.max(length / 2, minWindow)
  return rows < targetRows / 2 ? Math.min(length * 2, maxWindow) : length
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
