import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { generateDemoLedger } from '../../src/demo/demo-ledger.ts'
import type { DemoBalanceTransaction, DemoBatch } from '../../src/demo/rows.ts'

const day = 86_400_000
function midnight(date: string) {
  return new Date(`${date}T00:00:00Z`)
}
const endsAt = midnight('2026-11-22')
const startsAt = midnight('2024-11-22')
const currencies = ['usd', 'eur', 'jpy']

/** Generates a complete ledger in memory. */
function collect(end: Date, livemode: boolean): DemoBatch {
  const batches = [...generateDemoLedger({ endsAt: end, livemode })]
  return {
    customers: batches.flatMap((batch) => batch.customers),
    charges: batches.flatMap((batch) => batch.charges),
    payouts: batches.flatMap((batch) => batch.payouts),
    balanceTransactions: batches.flatMap((batch) => batch.balanceTransactions),
    feeDetails: batches.flatMap((batch) => batch.feeDetails),
  }
}

function hashOf(ledger: DemoBatch) {
  return createHash('sha256').update(JSON.stringify(ledger)).digest('hex')
}

const testLedger = collect(endsAt, false)
const liveLedger = collect(endsAt, true)
const ledgers = [
  { mode: 'test', ledger: testLedger },
  { mode: 'live', ledger: liveLedger },
]

function sum(numbers: readonly number[]) {
  return numbers.reduce((total, number) => total + number, 0)
}
function isBusinessDay(at: Date) {
  return at.getUTCDay() !== 0 && at.getUTCDay() !== 6
}

/** Returns the lowest balance of a currency at any time. */
function lowestBalance(ledger: DemoBatch, currency: string) {
  const changes = new Map<number, number>()
  for (const row of ledger.balanceTransactions) {
    if (row.currency !== currency) continue
    const at = row.effectiveAt.getTime()
    changes.set(at, (changes.get(at) ?? 0) + row.net)
  }
  let balance = 0
  let lowest = 0
  for (const at of [...changes.keys()].sort((a, b) => a - b)) {
    balance += changes.get(at) ?? 0
    lowest = Math.min(lowest, balance)
  }
  return lowest
}

describe('the demo ledger', () => {
  test('is the same for the same end and mode, and differs for another end or mode', () => {
    const hash = hashOf(liveLedger)
    expect(hashOf(collect(endsAt, true))).toBe(hash)
    expect(hashOf(collect(midnight('2026-11-23'), true))).not.toBe(hash)
    expect(hashOf(testLedger)).not.toBe(hash)
  })

  test('has over 110,000 balance transactions in test mode, and about a tenth of them in live mode', () => {
    const tests = testLedger.balanceTransactions.length
    expect(tests).toBeGreaterThan(110_000)
    expect(tests).toBeLessThan(130_000)
    expect(liveLedger.balanceTransactions.length / tests).toBeGreaterThan(0.08)
    expect(liveLedger.balanceTransactions.length / tests).toBeLessThan(0.13)
  })

  test('has every kind of balance transaction in each currency', () => {
    const kinds = currencies.map((currency) => {
      const rows = testLedger.balanceTransactions.filter((row) => row.currency === currency)
      return [...new Set(rows.map((row) => `${row.type} → ${row.reportingCategory}`))].sort()
    })
    expect(kinds[0]).toEqual([
      'adjustment → dispute',
      'adjustment → dispute_reversal',
      'adjustment → other_adjustment',
      'charge → charge',
      'payment → charge',
      'payment_refund → refund',
      'payout → payout',
      'payout_failure → payout_reversal',
      'refund → refund',
      'refund_failure → refund_failure',
      'stripe_fee → fee',
      'tax_fee → tax',
    ])
    expect(kinds[1]).toEqual(kinds[0])
    expect(kinds[2]).toEqual(kinds[0])
  })

  test('has unique ids over both modes, and valid references', () => {
    const all = ledgers.map(({ ledger }) => ledger)
    const ids = all.flatMap(({ customers, charges, payouts, balanceTransactions }) =>
      [customers, charges, payouts, balanceTransactions].flatMap((rows) => rows.map((row) => row.id)),
    )
    const known = new Set(ids)
    expect(known.size).toBe(ids.length)
    const references = all.flatMap(({ charges, balanceTransactions }) => [
      ...balanceTransactions.flatMap((row) => [row.chargeId, row.payoutId, row.automaticPayoutId]),
      ...charges.map((charge) => charge.customerId),
    ])
    expect(references.filter((id) => typeof id === 'string' && !known.has(id))).toEqual([])
  })

  test('starts on the last day of February when it ends on February 29', () => {
    const created = collect(midnight('2028-02-29'), true).balanceTransactions.map((row) =>
      row.created.getTime(),
    )
    expect(Math.floor(Math.min(...created) / day)).toBe(midnight('2026-02-28').getTime() / day)
  })

  test('rejects an end that is not midnight UTC', () => {
    const inBerlin = new Date('2026-11-22T00:00:00+01:00')
    expect(() => generateDemoLedger({ endsAt: inBerlin, livemode: false })).toThrow(RangeError)
    expect(() => generateDemoLedger({ endsAt: new Date(Number.NaN), livemode: false })).toThrow(RangeError)
  })
})

describe.each(ledgers)('the money in $mode mode', ({ ledger }) => {
  const { payouts, balanceTransactions, charges } = ledger
  const automatic = payouts.filter((payout) => payout.isAutomatic)
  const rowsOf = (kind: string) => balanceTransactions.filter((row) => row.reportingCategory === kind)
  const ofPayout = Map.groupBy(balanceTransactions, (row) => `${row.reportingCategory} ${row.payoutId}`)

  test('net is amount minus fee, in whole minor units', () => {
    const wrong = balanceTransactions.filter(
      (row) =>
        row.net !== row.amount - row.fee || ![row.amount, row.fee, row.net].every(Number.isSafeInteger),
    )
    expect(wrong).toEqual([])
    const isFee = (row: DemoBalanceTransaction) => row.type === 'stripe_fee' || row.type === 'tax_fee'
    const fees = balanceTransactions.filter(isFee)
    expect(fees.length).toBeGreaterThan(0)
    expect(fees.filter((row) => row.amount >= 0 || row.fee !== 0)).toEqual([])
  })

  test('a fee is the sum of its parts in live mode, with tax among them where fees are taxed', () => {
    if (ledger === testLedger) return expect(ledger.feeDetails).toEqual([])
    const parts = Map.groupBy(ledger.feeDetails, (part) => part.balanceTransactionId)
    const withFee = balanceTransactions.filter((row) => row.fee !== 0)
    expect([...parts.keys()].sort()).toEqual(withFee.map((row) => row.id).sort())
    const wrong = withFee.filter((row) => {
      const own = parts.get(row.id) ?? []
      const isTaxed = own.some((part) => part.type === 'tax')
      return (
        sum(own.map((part) => part.amount)) !== row.fee ||
        own.some((part, position) => part.position !== position || part.currency !== row.currency) ||
        // A tax of less than half a minor unit rounds to zero.
        (isTaxed !== (row.currency !== 'usd') && Math.abs(row.fee) > 5)
      )
    })
    expect(wrong).toEqual([])
  })

  test('an automatic payout is the net of the rows that it swept, and its own row subtracts the same amount', () => {
    const swept = new Map<string, number>()
    for (const row of balanceTransactions) {
      const id = row.automaticPayoutId
      if (id) swept.set(id, (swept.get(id) ?? 0) + row.net)
    }
    expect([...swept].sort()).toEqual(automatic.map((payout) => [payout.id, payout.amount] as const).sort())
    expect(automatic.filter((payout) => payout.amount <= 0)).toEqual([])
    for (const payout of payouts) {
      expect(ofPayout.get(`payout ${payout.id}`)?.map((row) => row.amount)).toEqual([-payout.amount])
    }
  })

  test('the first automatic payout after a row becomes available sweeps it', () => {
    const inOrder = automatic.map(({ id, currency, created }) => ({ id, currency, at: created.getTime() }))
    const byCurrency = Map.groupBy(inOrder, (payout) => payout.currency)
    const isOwn = new Set(automatic.map((payout) => payout.id))
    const late = balanceTransactions.filter((row) => {
      if (row.payoutId && row.type === 'payout' && isOwn.has(row.payoutId)) return false
      const [created, available] = [row.created.getTime(), row.availableOn.getTime()]
      const due = byCurrency.get(row.currency)?.find(({ at }) => created < at && available <= at)
      return row.automaticPayoutId !== due?.id
    })
    expect(late).toEqual([])
  })

  test('rows are effective at creation, automatic payouts at arrival, manual payouts immediately', () => {
    const byId = new Map(payouts.map((payout) => [payout.id, payout]))
    const wrong = balanceTransactions.filter((row) => {
      const payout = row.type === 'payout' ? byId.get(row.payoutId ?? '') : undefined
      const expected = payout?.isAutomatic ? payout.arrivalDate : row.created
      return row.effectiveAt.getTime() !== expected.getTime()
    })
    expect(wrong).toEqual([])
    expect(rowsOf('payout')).toHaveLength(payouts.length)
    for (const payout of automatic) {
      expect(payout.effectiveAt).toEqual(payout.arrivalDate)
      expect(payout.arrivalDate.getTime() % day).toBe(0)
      expect(isBusinessDay(payout.arrivalDate)).toBe(true)
      expect(payout.arrivalDate.getTime()).toBeGreaterThan(payout.created.getTime())
    }
    const manual = payouts.filter((payout) => !payout.isAutomatic)
    expect(new Set(manual.map((payout) => payout.currency))).toEqual(new Set(currencies))
    for (const payout of manual) expect(payout.effectiveAt).toEqual(payout.created)
  })

  test('no row is created outside the span, and a payout that arrives after it is in transit', () => {
    const created = [...balanceTransactions, ...payouts, ...charges].map((row) => row.created)
    expect(created.filter((at) => at < startsAt || at >= endsAt)).toEqual([])
    expect(payouts.filter((payout) => payout.reversedAt && payout.reversedAt >= endsAt)).toEqual([])
    const late = payouts.filter((payout) => payout.arrivalDate >= endsAt)
    expect(late.length).toBeGreaterThan(0)
    expect(payouts.filter((payout) => payout.status === 'in_transit')).toEqual(late)
  })

  test('a failed payout is returned in full', () => {
    const failed = payouts.filter((payout) => payout.status === 'failed')
    expect(new Set(failed.map((payout) => payout.currency))).toEqual(new Set(currencies))
    expect(payouts.filter((payout) => payout.reversedAt && payout.status !== 'failed')).toEqual([])
    expect(rowsOf('payout_reversal')).toHaveLength(failed.length)
    for (const payout of failed) {
      const back = ofPayout.get(`payout_reversal ${payout.id}`)
      expect(back?.map((row) => [row.net, row.created])).toEqual([[payout.amount, payout.reversedAt]])
    }
  })

  test('refunds and disputes never exceed the payment, and their reversals have the same amounts', () => {
    const paid = new Map(rowsOf('charge').map((row) => [row.chargeId, row.amount]))
    const refunds = Map.groupBy([...rowsOf('refund'), ...rowsOf('dispute')], (row) => row.chargeId)
    expect(refunds.size).toBeGreaterThan(0)
    for (const [chargeId, rows] of refunds) {
      expect(-sum(rows.map((row) => row.amount))).toBeLessThanOrEqual(paid.get(chargeId) ?? 0)
    }
    const away = new Map([...rowsOf('refund'), ...rowsOf('dispute')].map((row) => [row.sourceId, row]))
    const back = [...rowsOf('refund_failure'), ...rowsOf('dispute_reversal')]
    expect(back.length).toBeGreaterThan(0)
    for (const row of back) expect(row.amount).toBe(-(away.get(row.sourceId)?.amount ?? 0))
  })
})

test('no balance is ever negative, for any end of the ledger', () => {
  const ends = ['2025-01-01', '2026-01-12', '2027-11-08', '2028-05-12'].map(midnight)
  const all = [testLedger, liveLedger, ...ends.map((end) => collect(end, true))]
  const lowest = all.map((ledger) => currencies.map((currency) => lowestBalance(ledger, currency)))
  expect(lowest).toEqual(all.map(() => [0, 0, 0]))
})

describe.each(ledgers)('the hard cases in $mode mode', ({ ledger }) => {
  const { balanceTransactions, customers, charges } = ledger

  test.each(['UTC', 'Europe/Berlin', 'America/New_York'])(
    'sales exist on both sides of each start of a month in %s',
    (zone) => {
      const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
      const monthOf = (at: number) => format.format(at).slice(0, 7)
      const sales = balanceTransactions.filter((row) => row.reportingCategory === 'charge')
      for (const currency of currencies) {
        const times = new Set(
          sales.filter((row) => row.currency === currency).map((row) => row.created.getTime()),
        )
        const firsts = [...times].filter((at) => monthOf(at - 1000) !== monthOf(at))
        const lasts = [...times].filter((at) => monthOf(at + 1000) !== monthOf(at))
        expect(firsts.sort()).toEqual(lasts.map((at) => at + 1000).sort())
        expect(firsts).toHaveLength(24)
      }
    },
  )

  test('contain text that breaks careless CSV, and names in many scripts', () => {
    const texts = [...balanceTransactions, ...customers].map((row) => row.description ?? '')
    for (const pattern of [/^=/, /^\+/, /^-/, /^@/, /\n/, /\r\n/, /\t/, /"/, /,/, /\\/, /^\\N$/, /^ .* $/u]) {
      expect(texts.filter((text) => pattern.test(text))).not.toEqual([])
    }
    const names = customers.map((customer) => customer.name ?? '')
    for (const pattern of [
      /ü|ë/,
      /\p{Script=Han}/u,
      /\p{Script=Greek}/u,
      /\p{Script=Hebrew}|\p{Script=Arabic}/u,
      /"/,
      /,/,
    ]) {
      expect(names.filter((name) => pattern.test(name))).not.toEqual([])
    }
    const emails = customers.map((customer) => customer.email ?? '')
    expect(emails.filter((email) => !/^[a-z][a-z.]*\.[a-z]{3}\d+@example\.(com|org)$/.test(email))).toEqual(
      [],
    )
    expect(new Set(emails).size).toBe(emails.length)
  })

  test('a payment in another currency is settled in dollars, and refunded in its currency', () => {
    const isForeign = (row: DemoBalanceTransaction) =>
      row.customerFacingCurrency != null && row.customerFacingCurrency !== row.currency
    const foreign = balanceTransactions.filter(isForeign)
    expect(new Set(foreign.map((row) => row.currency))).toEqual(new Set(['usd']))
    expect(new Set(foreign.map((row) => row.customerFacingCurrency))).toEqual(new Set(['gbp', 'cad']))
    const paidIn = new Map(foreign.map((row) => [row.chargeId, row.customerFacingCurrency]))
    const refunds = foreign.filter((row) => row.reportingCategory === 'refund')
    expect(refunds.length).toBeGreaterThan(0)
    for (const refund of refunds) {
      expect(refund.customerFacingCurrency).toBe(paidIn.get(refund.chargeId))
      expect(refund.customerFacingAmount).toBeLessThan(0)
    }
  })

  test('charges exist with and without customers, orders, invoices and addresses', () => {
    const having = (key: keyof (typeof charges)[number]) =>
      charges.filter((charge) => charge[key] != null).length
    for (const key of [
      'customerId',
      'invoiceId',
      'subscriptionId',
      'orderId',
      'metadata',
      'shippingAddress',
      'cardBrand',
    ] as const) {
      expect(having(key)).toBeGreaterThan(0)
      expect(having(key)).toBeLessThan(charges.length)
    }
    const refundMetadata = balanceTransactions.map((row) => row.refundMetadata).filter((data) => data != null)
    expect(refundMetadata.length).toBeGreaterThan(0)
  })
})
