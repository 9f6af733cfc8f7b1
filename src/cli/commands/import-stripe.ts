import { once } from 'node:events'
import type { ClientBase } from 'pg'
import { createStripeClient } from '../../ledger/stripe/client.ts'
import { explainStripeFailure } from '../../ledger/stripe/failure.ts'
import { type SyncProgress, type SyncResult, syncStripe } from '../../ledger/stripe/sync.ts'
import type { Tenant } from '../../tenant.ts'
import { ClientError, StoppedError } from '../client/client-error.ts'
import { count, createProgressDisplay, type ProgressDisplay } from '../client/progress-display.ts'
import type { CommandContext } from '../command.ts'
import type { StripeImport } from './import-options.ts'
import { printCoverage } from './print-import.ts'

/**
 * Imports new balance transactions from Stripe into the ledger.
 *
 * @throws ClientError when Stripe, or the connection to it, fails
 * @throws StoppedError when the signal aborted
 */
export async function importFromStripe(
  client: ClientBase,
  tenant: Tenant,
  request: StripeImport,
  { stderr, print, signal }: CommandContext,
): Promise<void> {
  const display = createProgressDisplay(stderr)
  try {
    const { rows, span } = await sync(client, tenant, request, signal, display)
    if (span === null) return print('The Stripe account has no balance transactions yet.')
    print(`${count(rows)} balance transactions were read from Stripe.`)
    await printCoverage(client, tenant, print)
  } catch (error) {
    const explanation = explainStripeFailure(error, request.address.host ?? 'api.stripe.com')
    throw explanation === null ? error : new ClientError(explanation, { cause: error })
  }
}

/** Syncs until it is complete or the signal aborts; an open transaction then ends with its connection. */
async function sync(
  client: ClientBase,
  tenant: Tenant,
  { key, address, from }: StripeImport,
  signal: AbortSignal,
  display: ProgressDisplay,
): Promise<SyncResult> {
  const onWait = (milliseconds: number): void =>
    display.show({
      stage: `Waiting ${count(Math.ceil(milliseconds / 1000))} s for Stripe's rate limit`,
      percent: null,
      details: [],
    })
  const stripe = createStripeClient({ ...address, key, onWait, signal })
  const stopped = untilStopped(signal)
  // It can reject after the sync, when nothing awaits it any more.
  stopped.catch(() => {})
  try {
    const onProgress = createProgress(display)
    return await Promise.race([
      syncStripe({ stripe, client, tenant, from, now: new Date(), onProgress }),
      stopped,
    ])
  } finally {
    display.end()
  }
}

/** Shows the progress of the sync by time, because Stripe does not report the number of rows. */
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
  throw new StoppedError('Stopped. What was read so far is stored: run the same command again to continue.')
}
