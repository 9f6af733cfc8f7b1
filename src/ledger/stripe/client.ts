import Stripe from 'stripe'
import { isLocalHost } from '../../config/config.ts'
import { ConfigurationError } from '../../errors.ts'
import { createRetryingClient, defaultRateLimitPolicy, type RateLimitPolicy } from './retrying-client.ts'

/** A secret key of Stripe and its mode. */
export type StripeKey = { secret: string; livemode: boolean }

/** The address of the API; by default Stripe's own. */
export type StripeAddress = {
  host?: string | undefined
  port?: number | undefined
  protocol?: 'http' | 'https' | undefined
}

export type StripeClientOptions = StripeAddress & {
  key: StripeKey
  /** Called before each wait for a rate limit, with milliseconds. */
  onWait: (milliseconds: number) => void
  /** Aborts waits. No request is sent afterwards. */
  signal: AbortSignal
  rateLimitPolicy?: RateLimitPolicy
  /** Maximum number of retries after a broken connection or a 5xx response. */
  networkRetries?: number
}

/**
 * Validates the value of STRIPE_API_KEY: a secret key `sk_…` or a restricted key `rk_…`.
 *
 * @param livemode the requested mode, which must match the mode of the key
 * @throws ConfigurationError when the key is missing, is of another type, or has the other mode. The message never contains
 * the key.
 */
export function readStripeKey(secret: string | undefined, livemode: boolean): StripeKey {
  if (!secret) {
    throw new ConfigurationError(
      'STRIPE_API_KEY is not set. Set this environment variable to a secret or restricted key of the Stripe account.',
    )
  }
  const [, mode] = /^[sr]k_(test|live)_\w+$/.exec(secret) ?? []
  if (!mode) {
    throw new ConfigurationError(
      'STRIPE_API_KEY is not a secret or restricted key: those start with sk_test_, sk_live_, rk_test_ or rk_live_.',
    )
  }
  if ((mode === 'live') !== livemode) {
    throw new ConfigurationError(
      livemode
        ? 'STRIPE_API_KEY is a test key. Omit --livemode, or set STRIPE_API_KEY to a live key.'
        : 'STRIPE_API_KEY is a live key. Pass --livemode to sync the live ledger, or set STRIPE_API_KEY to a test key.',
    )
  }
  return { secret, livemode }
}

/** @throws ConfigurationError when a live key would be sent unencrypted to another machine */
export function createStripeClient(options: StripeClientOptions): Stripe {
  const { key, host, port, protocol = 'https', onWait, signal } = options
  if (protocol === 'http' && key.livemode && !(host && isLocalHost(host))) {
    throw new ConfigurationError(
      `--protocol http would send a live key unencrypted to ${host ?? 'Stripe'}. Use https, or a test key.`,
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
