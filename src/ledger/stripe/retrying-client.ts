import { setTimeout as sleep } from 'node:timers/promises'
import type Stripe from 'stripe'

/** How to wait when Stripe rejects requests because of rate limits. Times are in milliseconds. */
export const defaultRateLimitPolicy = {
  /** Wait after the first rejection. It doubles with each further rejection. */
  firstWait: 1_000,
  /** Maximum of these waits. */
  maxBackoff: 60_000,
  /** Maximum wait that Stripe can request. A response with a longer wait is returned. */
  maxWait: 600_000,
  /** Maximum number of consecutive retries. The next rejection is returned. */
  maxRefusals: 10,
}

export type RateLimitPolicy = typeof defaultRateLimitPolicy

type HttpClient = NonNullable<Stripe.StripeConfig['httpClient']>
type Response = Awaited<ReturnType<HttpClient['makeRequest']>>

/**
 * Creates an HTTP client for the SDK that waits and retries after status 429: too many requests, or a locked object.
 * The SDK itself neither retries these nor reads Retry-After.
 *
 * @param onWait called before each wait
 * @param signal aborts a wait and prevents further requests
 */
export function createRetryingClient(
  client: HttpClient,
  policy: RateLimitPolicy,
  onWait: (milliseconds: number) => void,
  signal: AbortSignal,
): HttpClient {
  // Counted over all requests: when the SDK retries a rejected request, the count continues.
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

/** Returns the value of Retry-After, which has seconds or a date, in milliseconds. */
function retryAfter(response: Response): number {
  const value = String(response.getHeaders()['retry-after'] ?? '')
  if (/^\d+$/.test(value)) return Number(value) * 1_000
  return Math.max(0, Date.parse(value) - Date.now() || 0)
}

/** Half of the wait is random, so that requests that were rejected together are not retried together. */
function backOff({ firstWait, maxBackoff }: RateLimitPolicy, refusals: number): number {
  return Math.min(firstWait * 2 ** (refusals - 1), maxBackoff) * (0.5 + Math.random() / 2)
}

/** Reads the body immediately, so that an incomplete body fails the request and the SDK retries it. */
async function readWhole(response: Response): Promise<void> {
  const body = response.toJSON()
  response.toJSON = () => body
  await body.catch((error: unknown) => {
    // The SDK reports a complete body that is not JSON.
    if (!(error instanceof SyntaxError)) throw error
  })
}
