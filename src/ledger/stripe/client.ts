import Stripe from 'stripe'
import { isLocalHost } from '../../config/config.ts'
import { ConfigurationError } from '../../errors.ts'
import { createRetryingClient, defaultRateLimitPolicy, type RateLimitPolicy } from './retrying-client.ts'

/** A secret key of Stripe, and the mode that it opens. */
export type StripeKey = { secret: string; livemode: boolean }

/** Where the API is; Stripe's own place unless said otherwise. */
export type StripeAddress = {
  host?: string | undefined
  port?: number | undefined
  protocol?: 'http' | 'https' | undefined
}

export type StripeClientOptions = StripeAddress & {
  key: StripeKey
  /** Called with each wait that Stripe asks for, in milliseconds. */
  onWait: (milliseconds: number) => void
  /** Ends waits; no request is sent afterwards. */
  signal: AbortSignal
  rateLimitPolicy?: RateLimitPolicy
  /** How often a request is sent again after a broken connection or an answer of 5xx. */
  networkRetries?: number
}

/**
 * Takes a secret key `sk_…` or a restricted one `rk_…` from the environment variable STRIPE_API_KEY.
 *
 * @param livemode the mode that was asked for, which has to be that of the key
 * @throws ConfigurationError when there is none, it is of another kind, or of the other mode; never with the key in it
 */
export function readStripeKey(secret: string | undefined, livemode: boolean): StripeKey {
  if (!secret) {
    throw new ConfigurationError(
      'STRIPE_API_KEY is not set. Put a secret or restricted key of the Stripe account into that environment variable.',
    )
  }
  const [, mode] = /^[sr]k_(test|live)_\w+$/.exec(secret) ?? []
  if (!mode) {
    throw new ConfigurationError(
      'STRIPE_API_KEY holds no secret or restricted key: those begin with sk_test_, sk_live_, rk_test_ or rk_live_.',
    )
  }
  if ((mode === 'live') !== livemode) {
    throw new ConfigurationError(
      livemode
        ? 'STRIPE_API_KEY holds a key of test mode. Leave out --livemode, or put a live key there.'
        : 'STRIPE_API_KEY holds a live key. Say --livemode to sync the live ledger, or put a test key there.',
    )
  }
  return { secret, livemode }
}

/** @throws ConfigurationError when a live key would travel to another machine in the clear */
export function createStripeClient(options: StripeClientOptions): Stripe {
  const { key, host, port, protocol = 'https', onWait, signal } = options
  if (protocol === 'http' && key.livemode && !(host && isLocalHost(host))) {
    throw new ConfigurationError(
      `--protocol http would send a live key to ${host ?? 'Stripe'} in the clear. Use https, or a test key.`,
    )
  }
  return new Stripe(key.secret, {
    ...(host !== undefined && { host }),
    port: port ?? (protocol === 'http' ? 80 : 443),
    protocol,
    maxNetworkRetries: options.networkRetries ?? 5,
    telemetry: false,
    httpClient: createRetryingClient(
      Stripe.createNodeHttpClient(),
      options.rateLimitPolicy ?? defaultRateLimitPolicy,
      onWait,
      signal,
    ),
  })
}
