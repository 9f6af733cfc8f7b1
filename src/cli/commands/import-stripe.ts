import { once } from 'node:events'
import type { Pool } from 'pg'
import { ConfigurationError } from '../../errors.ts'
import {
  createStripeClient,
  readStripeKey,
  type StripeAddress,
  type StripeKey,
} from '../../ledger/stripe/client.ts'
import { explainStripeFailure } from '../../ledger/stripe/failure.ts'
import { type SyncProgress, type SyncResult, syncStripe } from '../../ledger/stripe/sync.ts'
import type { Tenant } from '../../tenant.ts'
import { ClientError, StoppedError } from '../client/client-error.ts'
import { count, createProgressDisplay, type ProgressDisplay } from '../client/progress-display.ts'
import type { CommandContext } from '../command.ts'
import { readTime, readTimezone } from './import-time.ts'
import { tellCoverage } from './print-coverage.ts'

/** The options of `npm run import` that are about Stripe. */
export const stripeImportOptions = {
  stripe: { type: 'boolean', default: false },
  host: { type: 'string' },
  port: { type: 'string' },
  protocol: { type: 'string' },
} as const

type StripeImportValues = {
  host?: string | undefined
  port?: string | undefined
  protocol?: string | undefined
  from?: string | undefined
  until?: string | undefined
  timezone?: string | undefined
  livemode: boolean
  'skip-bad'?: boolean | undefined
}

export type StripeImport = { key: StripeKey; address: StripeAddress; from: Date | null }

/** @throws ConfigurationError when something is wrong with the arguments or the key */
export function readStripeImport(
  paths: readonly string[],
  values: StripeImportValues,
  { environment }: CommandContext,
): StripeImport {
  if (paths.length > 0) {
    throw new ConfigurationError(
      `Import files and Stripe one after the other: ${paths.join(' ')} is too much.`,
    )
  }
  if (values.until !== undefined || values['skip-bad'])
    throw new ConfigurationError('--until and --skip-bad are about files: leave them out with --stripe.')
  const from = readTime('from', values.from, readTimezone(values.timezone ?? 'UTC'))
  if (from && from > new Date()) throw new ConfigurationError(`--from ${values.from} lies in the future.`)
  const key = readStripeKey(environment.STRIPE_API_KEY, values.livemode)
  return { key, address: readAddress(values), from }
}

/**
 * Reads what is new at Stripe into the ledger.
 *
 * @throws ClientError when Stripe, or the way to it, fails
 * @throws StoppedError when the signal aborted
 */
export async function importFromStripe(
  pool: Pool,
  tenant: Tenant,
  request: StripeImport,
  { stderr, print, signal }: CommandContext,
): Promise<void> {
  const display = createProgressDisplay(stderr)
  try {
    const { rows, span } = await sync(pool, tenant, request, signal, display)
    if (span === null) return print('The Stripe account has no balance transactions yet.')
    print(`${count(rows)} balance transactions were read from Stripe.`)
    print(await tellCoverage(pool, tenant))
  } catch (error) {
    const explanation = explainStripeFailure(error, request.address.host ?? 'api.stripe.com')
    throw explanation === null ? error : new ClientError(explanation, { cause: error })
  }
}

function readAddress({ host, port, protocol }: StripeImportValues): StripeAddress {
  const number = port === undefined ? undefined : Number(port)
  if (number !== undefined && !(Number.isInteger(number) && number > 0 && number < 65_536))
    throw new ConfigurationError(`--port ${port} is no port: give a whole number from 1 to 65535.`)
  if (protocol !== undefined && protocol !== 'http' && protocol !== 'https')
    throw new ConfigurationError(`--protocol ${protocol} is unknown. Give http or https.`)
  return { host, port: number, protocol }
}

/** Tells a display how far the sync has come: by time, since Stripe does not say how many rows there are. */
function createProgress(display: ProgressDisplay): (progress: SyncProgress) => void {
  let start: number | null = null
  return ({ window, end, rows }) => {
    start ??= window.from.getTime()
    const percent = ((window.from.getTime() - start) / (end.getTime() - start)) * 100
    const day = window.from.toISOString().slice(0, 10)
    display.show({
      stage: 'Reading from Stripe',
      percent,
      details: [day, `${count(rows)} balance transactions`],
    })
  }
}

async function untilStopped(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort')
  throw new StoppedError('Stopped. What was read so far is stored: run the same command again to go on.')
}

/** Syncs, and ends at once when it is told to: the transaction that is open then ends with its connection. */
async function sync(
  pool: Pool,
  tenant: Tenant,
  { key, address, from }: StripeImport,
  signal: AbortSignal,
  display: ProgressDisplay,
): Promise<SyncResult> {
  const onWait = (milliseconds: number): void =>
    display.show({
      stage: `Waiting ${count(Math.ceil(milliseconds / 1000))} s, because Stripe has too many requests`,
      percent: null,
      details: [],
    })
  const stripe = createStripeClient({ ...address, key, onWait, signal })
  const client = await pool.connect()
  // An error that nobody hears ends the process; the query that runs then, or the next one, fails with it.
  client.on('error', () => {})
  const stopped = untilStopped(signal)
  // It may come when the sync is over, and nobody waits for it any more.
  stopped.catch(() => {})
  try {
    const onProgress = createProgress(display)
    return await Promise.race([
      syncStripe({ stripe, client, tenant, from, now: new Date(), onProgress }),
      stopped,
    ])
  } finally {
    display.end()
    client.release(true)
  }
}
