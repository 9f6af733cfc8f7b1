import { ConfigurationError } from '../../errors.ts'

/** A secret key of Stripe, and the mode that it opens. */
export type StripeKey = { secret: string; livemode: boolean }

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
