import { setTimeout as sleep } from 'node:timers/promises'
import type Stripe from 'stripe'

/** How to wait when Stripe refuses requests as too many. Times are in milliseconds. */
export const defaultRateLimitPolicy = {
  /** Wait after the first refusal; it doubles with each one that follows. */
  firstWait: 1_000,
  /** Maximum of these waits. */
  maxBackoff: 60_000,
  /** Maximum wait that Stripe may ask for; the response is passed on when it asks for more. */
  maxWait: 600_000,
  /** How many refusals in a row are retried; the next one is passed on. */
  maxRefusals: 10,
}

export type RateLimitPolicy = typeof defaultRateLimitPolicy

type HttpClient = NonNullable<Stripe.StripeConfig['httpClient']>
type Response = Awaited<ReturnType<HttpClient['makeRequest']>>

/**
 * An HTTP client for the SDK that waits when Stripe says that there were too many requests, or that an object is locked
 * (both are status 429), and then sends the request again; the SDK itself neither retries these nor reads Retry-After.
 *
 * @param onWait called with each wait
 * @param signal ends a wait, and lets no further request out
 */
export function createRetryingClient(
  client: HttpClient,
  policy: RateLimitPolicy,
  onWait: (milliseconds: number) => void,
  signal: AbortSignal,
): HttpClient {
  // Over all requests: when the SDK sends one again that was refused too often, the count goes on.
  let refusals = 0
  return {
    getClientName: () => client.getClientName(),
    makeRequest: async (...request) => {
      while (true) {
        signal.throwIfAborted()
        const response = await client.makeRequest(...request)
        await readWhole(response)
        if (response.getStatusCode() !== 429) {
          refusals = 0
          return response
        }
        refusals += 1
        const wait = Math.max(backOff(policy, refusals), retryAfter(response))
        if (refusals > policy.maxRefusals || wait > policy.maxWait) return response
        onWait(wait)
        await sleep(wait, undefined, { signal })
      }
    },
  }
}

/** What Retry-After wants, in milliseconds: it has seconds or a date. */
function retryAfter(response: Response): number {
  const value = String(response.getHeaders()['retry-after'] ?? '')
  if (/^\d+$/.test(value)) return Number(value) * 1_000
  return Math.max(0, Date.parse(value) - Date.now() || 0)
}

/** Half of it is chance, so that several requests that were refused at once do not come again at once. */
function backOff({ firstWait, maxBackoff }: RateLimitPolicy, refusals: number): number {
  return Math.min(firstWait * 2 ** (refusals - 1), maxBackoff) * (0.5 + Math.random() / 2)
}

/** Reads the body at once: when it breaks off, the request has failed, and the SDK sends it again. */
async function readWhole(response: Response): Promise<void> {
  const body = response.toJSON()
  response.toJSON = () => body
  await body.catch((error: unknown) => {
    // A body that came whole and is no JSON is for the SDK to report.
    if (!(error instanceof SyntaxError)) throw error
  })
}
