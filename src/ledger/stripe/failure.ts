import Stripe from 'stripe'

const secrets = /\b[sr]k_(test|live)_[\w*]+/g

/**
 * Returns a message for the user who started the sync: the error of Stripe or the connection, and what to do. It
 * contains no key.
 *
 * @returns null for errors that are not from Stripe
 */
export function explainStripeFailure(error: unknown, host: string): string | null {
  if (!(error instanceof Stripe.errors.StripeError)) return null
  const { statusCode, requestId } = error
  if (error instanceof Stripe.errors.StripeConnectionError)
    return `Cannot reach Stripe at ${host}: ${withoutKeys(reasonOf(error))}`
  if (error instanceof Stripe.errors.StripeAuthenticationError) {
    return `Stripe does not accept the key in STRIPE_API_KEY (status ${statusCode}). Check that it is not revoked and belongs to this account.`
  }
  if (error instanceof Stripe.errors.StripePermissionError)
    return `The key in STRIPE_API_KEY does not have all required permissions: ${withoutKeys(error.message)}`
  if (error instanceof Stripe.errors.StripeRateLimitError)
    return 'Stripe keeps rejecting requests because of rate limits. Run the sync again later: it continues where it stopped.'
  const request = requestId ? `, request ${requestId}` : ''
  return `Stripe at ${host} responded with status ${statusCode}${request}: ${withoutKeys(error.message)}`
}

/** Stripe's messages contain parts of keys. */
function withoutKeys(message: string): string {
  return message.replaceAll(secrets, 'STRIPE_API_KEY')
}

function reasonOf({ detail, message }: Stripe.errors.StripeError): string {
  if (!(detail instanceof Error)) return message
  // When all addresses of a host fail, Node.js throws an AggregateError without a message.
  const code = 'code' in detail && typeof detail.code === 'string' ? detail.code : ''
  return [detail.message, code].find(Boolean) ?? message
}
