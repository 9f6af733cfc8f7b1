import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkSums } from '../../../src/ledger/check-sums.ts'
import { type ImportedLedger, openImportedLedger } from '../../support/imported-ledger.ts'
import { ledgerParts } from '../../support/ledger-parts.ts'

let ledger: ImportedLedger
beforeAll(async () => {
  ledger = await openImportedLedger()
})
afterAll(() => ledger[Symbol.asyncDispose]())

const declared = { from: new Date('2026-03-01'), until: new Date('2026-04-01') }

async function importAll(parts: readonly string[]) {
  ledger.newAccount()
  for (const part of parts) await ledger.load(part, { declared })
  return {
    transactions: await ledger.rowsOf('balance_transactions'),
    payouts: await ledger.rowsOf('payouts'),
  }
}

test('the parts of one ledger give the same ledger in any order and any overlap', async () => {
  const expected = await importAll(ledgerParts)
  const times = expected.transactions.map(({ id, reporting_category, effective_at, automatic_payout_id }) => [
    id,
    reporting_category,
    effective_at,
    automatic_payout_id,
  ])
  expect(times).toEqual([
    ['txn_1', 'charge', '2026-03-02T10:00:07+00:00', 'po_day'],
    ['txn_2', 'dispute', '2026-03-03T11:10:59+00:00', 'po_day'],
    ['txn_3', 'payout', '2026-03-04T00:18:30+00:00', undefined],
    ['txn_4', 'charge', '2026-03-05T08:00:00+00:00', 'po_canceled'],
    ['txn_5', 'payout', '2026-03-06T15:00:41+00:00', undefined],
    ['txn_6', 'payout_reversal', '2026-03-06T15:00:41+00:00', 'po_failed'],
    ['txn_7', 'payout', '2026-03-11T00:00:00+00:00', undefined],
    ['txn_8', 'payout', '2026-03-10T14:00:09+00:00', undefined],
    ['txn_9', 'payout_reversal', '2026-03-13T09:30:05+00:00', undefined],
    ['txn_old', 'payout', '2026-03-16T00:00:00+00:00', undefined],
  ])
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...ledgerParts, ...ledgerParts], { minLength: ledgerParts.length }),
      async (drawn) => {
        const missing = ledgerParts.filter((part) => !drawn.includes(part))
        expect(await importAll([...drawn, ...missing])).toEqual(expected)
      },
    ),
    { numRuns: 3 },
  )
  expect(await checkSums(ledger.client, () => {})).toEqual([])
})
