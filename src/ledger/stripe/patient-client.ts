import { setTimeout as sleep } from 'node:timers/promises'
import type Stripe from 'stripe'

export type Patience = {
  /** Wait after the first refusal, in milliseconds; it doubles with each one that follows. */
  firstMilliseconds: number
  /** Longest of these waits. A server that wants a longer one is obeyed, unless it wants more than `mostMilliseconds`. */
  longestMilliseconds: number
  mostMilliseconds: number
  /** How many refusals in a row are borne; the next one is handed on. */
  refusals: number
}

export const defaultPatience: Patience = {
  firstMilliseconds: 1_000,
  longestMilliseconds: 60_000,
  mostMilliseconds: 600_000,
  refusals: 10,
}

type HttpClient = NonNullable<Stripe.StripeConfig['httpClient']>
type Response = Awaited<ReturnType<HttpClient['makeRequest']>>

/**
 * An HTTP client for the SDK that waits when Stripe says that there were too many requests, or that an object is locked
 * (both are status 429), and then sends the request again; the SDK by itself gives up at once.
 *
 * @param onWait told of each wait, in milliseconds
 * @param signal ends a wait, and lets no further request out
 */
export function createPatientClient(
  client: HttpClient,
  patience: Patience,
  onWait: (milliseconds: number) => void,
  signal: AbortSignal,
): HttpClient {
  // Over all requests: when the SDK sends one again that was refused too often, this does not begin anew.
  let refusals = 0
  return {
    getClientName: () => client.getClientName(),
    makeRequest: async (...request) => {
      while (true) {
        signal.throwIfAborted()
        const response = await readWhole(await client.makeRequest(...request))
        if (response.getStatusCode() !== 429) {
          refusals = 0
          return response
        }
        refusals += 1
        const wait = Math.max(backOff(patience, refusals), retryAfter(response))
        if (refusals > patience.refusals || wait > patience.mostMilliseconds) return response
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

/** Half of it is chance, so that several that were refused at once do not come again at once. */
function backOff({ firstMilliseconds, longestMilliseconds }: Patience, refusals: number): number {
  return Math.min(firstMilliseconds * 2 ** (refusals - 1), longestMilliseconds) * (0.5 + Math.random() / 2)
}

/** Reads the body at once: when it breaks off, the request has failed, and the SDK sends it again. */
async function readWhole(response: Response): Promise<Response> {
  const body = response.toJSON()
  await body.catch((error: unknown) => {
    // One that came whole and is no JSON is for the SDK to report.
    if (!(error instanceof SyntaxError)) throw error
  })
  return {
    getStatusCode: () => response.getStatusCode(),
    getHeaders: () => response.getHeaders(),
    getRawResponse: () => response.getRawResponse(),
    toStream: (onComplete) => response.toStream(onComplete),
    toJSON: () => body,
  }
}
