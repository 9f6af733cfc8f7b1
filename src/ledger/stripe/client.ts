import Stripe from 'stripe'
import { isLocalHost } from '../../config/config.ts'
import { ConfigurationError } from '../../errors.ts'
import type { StripeKey } from './api-key.ts'
import { createPatientClient, defaultPatience, type Patience } from './patient-client.ts'

/** Where the API is; Stripe's own place unless said otherwise. */
export type StripeAddress = {
  host?: string | undefined
  port?: number | undefined
  protocol?: 'http' | 'https' | undefined
}

export type StripeClientOptions = StripeAddress & {
  key: StripeKey
  /** Told of each wait that Stripe asks for, in milliseconds. */
  onWait: (milliseconds: number) => void
  /** Ends waits; no request is sent afterwards. */
  signal: AbortSignal
  patience?: Patience
  /** How often a request is sent again after a broken connection or an answer of 5xx. */
  networkRetries?: number
}

/** @throws ConfigurationError when a live key would travel to another machine in the clear */
export function createStripeClient(options: StripeClientOptions): Stripe {
  const { key, host, port, protocol = 'https', onWait, signal, patience = defaultPatience } = options
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
    httpClient: createPatientClient(Stripe.createNodeHttpClient(), patience, onWait, signal),
  })
}
