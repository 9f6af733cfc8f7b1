import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { coverTogether } from '../../../src/ledger/import/coverage.ts'
import { type ImportedLedger, openImportedLedger } from '../../support/imported-ledger.ts'
import { activity, badHistory, history, payouts, reconciliation } from '../../support/small-exports.ts'

let ledger: ImportedLedger
beforeAll(async () => {
  ledger = await openImportedLedger()
})
afterAll(() => ledger[Symbol.asyncDispose]())
beforeEach(() => ledger.newAccount())

describe('coverage', () => {
  const header =
    'balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,automatic_payout_id,automatic_payout_effective_at_utc'
  const row = (day: string, payout = '', leftAt = '', category = 'charge') =>
    `txn_${day},${day} 10:00:00,usd,1.00,0.00,1.00,${category},${payout},${leftAt}`
  const topup = (day: string) => row(day, '', '', 'topup')
  /** The first row is swept at the end of its day. */
  const activityOn = (first: string, ...others: string[]) =>
    [header, row(first, 'po_1', `${first} 23:00:00`), ...others.map(topup)].join('\n')
  const payoutsOnly = payouts.split('\n').slice(0, 2).join('\n')

  test('is the intersection of both sides', async () => {
    await ledger.load(activityOn('2026-09-01', '2026-09-10'))
    expect(await ledger.coverage()).toBeNull()
    await ledger.load(payoutsOnly)
    expect(await ledger.coverage()).toEqual(['2026-09-06T00:00:00.000Z', '2026-09-07T00:00:00.000Z'])
    const declared = { from: new Date('2026-08-01'), until: new Date('2026-10-01') }
    await ledger.load(payoutsOnly, { declared })
    expect(await ledger.coverage()).toEqual(['2026-09-01T00:00:00.000Z', '2026-09-11T00:00:00.000Z'])
  })

  test('does not change with a reconciliation, which can be incomplete, unless its span is declared', async () => {
    expect((await ledger.load(reconciliation)).sides).toEqual([])
    const declared = { from: new Date('2026-09-01'), until: new Date('2026-10-01') }
    expect((await ledger.load(reconciliation, { declared })).sides).toEqual(['activity'])
  })

  test.each([
    ['in which no row is swept', row('2026-09-01')],
    ['with rows that a later payout swept', row('2026-09-01', 'po_1', '2026-09-11 00:00:00')],
    ['with rows of a payout without a time', row('2026-09-01', 'po_1')],
  ])('does not change with an ending balance %s', async (_what, first) => {
    const { sides } = await ledger.load([header, first, topup('2026-09-10')].join('\n'))
    expect(sides).toEqual([])
  })

  test('does not change with the rows of one category, or a history of payouts only, unless its span is declared', async () => {
    const declared = { from: new Date('2026-09-01'), until: new Date('2026-10-01') }
    const charges = [header, row('2026-09-01', 'po_1', '2026-09-01 23:00:00'), row('2026-09-10')].join('\n')
    expect((await ledger.load(charges)).sides).toEqual([])
    expect((await ledger.load(charges, { declared })).sides).toEqual(['activity'])
    const onlyPayouts = history
      .split('\n')
      .filter((line) => /^id|,payout,/.test(line))
      .join('\n')
    expect((await ledger.load(onlyPayouts)).sides).toEqual([])
    expect((await ledger.load(onlyPayouts, { declared })).sides).toEqual(['activity', 'payouts'])
  })

  test('changes once for files that cover a span together, when no line is rejected', async () => {
    const declared = { from: new Date('2026-08-01'), until: new Date('2026-10-01') }
    const part = { declared, isPart: true }
    const first = await ledger.load(history, part)
    expect(await ledger.coverage()).toBeNull()
    const bad = await ledger.load(badHistory, { ...part, skipBad: true })
    expect(await coverTogether(ledger.client, ledger.owner, [first, bad])).toBe(false)
    expect(await ledger.coverage()).toBeNull()
    expect(await coverTogether(ledger.client, ledger.owner, [first, await ledger.load(history, part)])).toBe(
      true,
    )
    expect(await ledger.coverage()).toEqual(['2026-08-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z'])
    const later = { from: new Date('2026-10-02'), until: new Date('2026-11-01') }
    await expect(ledger.load(history, { declared: later, isPart: true })).rejects.toThrow(/a gap/)
  })

  test('has no gap: a file that would leave one is rejected before anything is written', async () => {
    await ledger.load(history)
    const later = history.replaceAll('2026-09-', '2026-10-').replaceAll(/(txn|po)_/g, '$1_later_')
    await expect(ledger.load(later)).rejects.toThrow(/a gap between them\..*--from 2026-09-07T00:00:00Z/)
    expect(await ledger.rowsOf('balance_transactions')).toHaveLength(7)
    const earlier = history.replaceAll('2026-09-', '2026-08-').replaceAll(/(txn|po)_/g, '$1_earlier_')
    await expect(ledger.load(earlier)).rejects.toThrow(/--until 2026-09-01T00:00:00Z/)
    await ledger.load(later, { declared: { from: new Date('2026-09-07'), until: null } })
    expect(await ledger.coverage()).toEqual(['2026-09-01T00:00:00.000Z', '2026-10-07T00:00:00.000Z'])
  })

  test('knows the payouts once files that name them cover all of it, in any order', async () => {
    const month = (number: string) =>
      history.replaceAll('2026-09-', `2026-${number}-`).replaceAll(/(txn|po)_(?=\d)/g, `$1_${number}_`)
    const declared = (first: string, last: string) => ({
      declared: { from: new Date(`2026-${first}-01`), until: new Date(`2026-${last}-01`) },
    })
    const withoutTransfer = (text: string) => text.replace(',Transfer,', ',Other,')
    await ledger.load(month('08'), declared('08', '09'))
    expect(await ledger.payoutsKnown()).toBe(true)
    await ledger.load(withoutTransfer(month('09')), declared('09', '10'))
    expect(await ledger.payoutsKnown()).toBe(false)
    await ledger.load(withoutTransfer(month('10')), declared('10', '11'))
    await ledger.load(month('10'), declared('10', '11'))
    expect(await ledger.payoutsKnown()).toBe(false)
    await ledger.load(month('09'), declared('09', '10'))
    expect(await ledger.payoutsKnown()).toBe(true)
    await ledger.load(withoutTransfer(month('09')), declared('09', '10'))
    expect(await ledger.payoutsKnown()).toBe(true)
  })

  test.each([
    ['activity without the column of the payout', activity.replace(/automatic_payout_id/, 'other'), false],
    ['activity with the column of the payout', activityOn('2026-09-01', '2026-09-10'), true],
  ])('knows the payouts of %s: %#', async (_what, rows, known) => {
    const declared = { from: new Date('2026-09-01'), until: new Date('2026-10-01') }
    await ledger.load(rows, { declared })
    await ledger.load(payoutsOnly, { declared })
    expect(await ledger.payoutsKnown()).toBe(known)
  })

  test.each([
    ['before', '2026-10-01', '2026-11-01'],
    ['after', '2026-08-01', '2026-09-01'],
  ])('is not that of another file: all rows are %s the declared time', async (_where, from, until) => {
    const declared = { from: new Date(from), until: new Date(until) }
    await expect(ledger.load(history, { declared })).rejects.toThrow(
      /rows are from 2026-09-01T10:00:00Z to 2026-09-06T09:00:00Z, outside the time that --from/,
    )
    expect(await ledger.coverage()).toBeNull()
    expect(await ledger.rowsOf('balance_transactions')).toEqual([])
  })

  test('ends before the day on which the file was written', async () => {
    const { span } = await ledger.load(activityOn('2026-11-18', '2026-11-20'))
    expect(span).toEqual({ from: new Date('2026-11-18'), until: new Date('2026-11-20') })
    ledger.owner = { ...ledger.owner, livemode: true }
    expect((await ledger.load(activityOn('2026-11-20'))).span).toBeNull()
  })
})
