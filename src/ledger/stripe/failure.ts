import Stripe from 'stripe'

const secrets = /\b[sr]k_(test|live)_[\w*]+/g

/**
 * A sentence for the user who started the sync: what Stripe, or the way to it, refused, and what to do. No key is in it.
 *
 * @returns null for a fault that is not Stripe's
 */
export function explainStripeFailure(error: unknown, host: string): string | null {
  if (!(error instanceof Stripe.errors.StripeError)) return null
  const { statusCode, requestId } = error
  if (error instanceof Stripe.errors.StripeConnectionError)
    return `Cannot reach Stripe at ${host}: ${withoutKeys(reasonOf(error))}`
  if (error instanceof Stripe.errors.StripeAuthenticationError) {
    return `Stripe does not accept the key in STRIPE_API_KEY (status ${statusCode}). Was it revoked, or is it of another account?`
  }
  if (error instanceof Stripe.errors.StripePermissionError)
    return `The key in STRIPE_API_KEY may not read all that is needed: ${withoutKeys(error.message)}`
  if (error instanceof Stripe.errors.StripeRateLimitError)
    return 'Stripe kept refusing requests as too many. Sync again later: it goes on where it stands.'
  const request = requestId ? `, request ${requestId}` : ''
  return `Stripe at ${host} answered with status ${statusCode}${request}: ${withoutKeys(error.message)}`
}

/** Stripe names keys in its messages, though not whole. */
function withoutKeys(message: string): string {
  return message.replaceAll(secrets, 'STRIPE_API_KEY')
}

function reasonOf({ detail, message }: Stripe.errors.StripeError): string {
  if (!(detail instanceof Error)) return message
  // A name with several addresses fails with one error for each, and no message of its own.
  const code = 'code' in detail && typeof detail.code === 'string' ? detail.code : ''
  return [detail.message, code].find(Boolean) ?? message
}
