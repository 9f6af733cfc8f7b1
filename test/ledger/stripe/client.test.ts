import { expect, test } from 'vitest'
import { createStripeClient, readStripeKey } from '../../../src/ledger/stripe/client.ts'

test.each(['sk_test_51Abc', 'rk_test_51Abc_x'])('%s is a test key', (secret) => {
  expect(readStripeKey(secret, false)).toEqual({ secret, livemode: false })
  expect(() => readStripeKey(secret, true)).toThrow(/is a test key. Omit --livemode/)
})

test.each(['sk_live_51Abc', 'rk_live_51Abc'])('%s is a live key', (secret) => {
  expect(readStripeKey(secret, true)).toEqual({ secret, livemode: true })
  expect(() => readStripeKey(secret, false)).toThrow(/is a live key. Pass --livemode/)
})

test.each(['pk_live_51Secret', 'whsec_Secret', 'sk_live_Secret\nX-Header: 1', 'Secret'])(
  'a value that is not a secret key is rejected and not shown: %j',
  (secret) => {
    expect(() => readStripeKey(secret, true)).toThrow(/^(?!.*Secret).*is not a secret or restricted key/)
  },
)

test('a missing key is reported', () => {
  for (const missing of [undefined, '']) expect(() => readStripeKey(missing, false)).toThrow(/is not set/)
})

test('a live key is sent unencrypted only to the local machine', () => {
  const create = (host: string | undefined, livemode: boolean) => () =>
    createStripeClient({
      key: { secret: 'sk_live_51Abc', livemode },
      host,
      protocol: 'http',
      onWait: () => {},
      signal: new AbortController().signal,
    })
  expect(create('mock.example.com', true)).toThrow(/would send a live key unencrypted to mock.example.com/)
  expect(create(undefined, true)).toThrow(/unencrypted to Stripe/)
  expect(create('127.0.0.1', true)).not.toThrow()
  expect(create('mock.example.com', false)).not.toThrow()
})
