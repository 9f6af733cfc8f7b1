import { expect, test } from 'vitest'

import { createStripeClient, readStripeKey } from '../../../src/ledger/stripe/client.ts'

test.each(['sk_test_51Abc', 'rk_test_51Abc_x'])('%s is a key of test mode', (secret) => {
  expect(readStripeKey(secret, false)).toEqual({ secret, livemode: false })
  expect(() => readStripeKey(secret, true)).toThrow(/holds a key of test mode. Leave out --livemode/)
})

test.each(['sk_live_51Abc', 'rk_live_51Abc'])('%s is a live key', (secret) => {
  expect(readStripeKey(secret, true)).toEqual({ secret, livemode: true })
  expect(() => readStripeKey(secret, false)).toThrow(/holds a live key. Say --livemode/)
})

test.each(['pk_live_51Secret', 'whsec_Secret', 'sk_live_Secret\nX-Header: 1', 'Secret'])(
  'what is no secret key is refused without being shown: %j',
  (secret) => {
    expect(() => readStripeKey(secret, true)).toThrow(/^(?!.*Secret).*holds no secret or restricted key/)
  },
)

test('no key is told as such', () => {
  for (const none of [undefined, '']) expect(() => readStripeKey(none, false)).toThrow(/is not set/)
})

test('a live key goes in the clear to this machine only', () => {
  const create = (host: string | undefined, livemode: boolean) => () =>
    createStripeClient({
      key: { secret: 'sk_live_51Abc', livemode },
      host,
      protocol: 'http',
      onWait: () => {},
      signal: new AbortController().signal,
    })
  expect(create('mock.example.com', true)).toThrow(/would send a live key to mock.example.com in the clear/)
  expect(create(undefined, true)).toThrow(/to Stripe in the clear/)
  expect(create('127.0.0.1', true)).not.toThrow()
  expect(create('mock.example.com', false)).not.toThrow()
})
