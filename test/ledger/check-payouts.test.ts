import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type ImportedLedger, openImportedLedger } from '../support/imported-ledger.ts'

let ledger: ImportedLedger
beforeAll(async () => {
  ledger = await openImportedLedger()
})
afterAll(() => ledger[Symbol.asyncDispose]())
beforeEach(() => ledger.newAccount())

const header =
  'id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description,Transfer,Transfer Date (UTC)'
const charge =
  'txn_1,charge,ch_1,10.00,0.00,10.00,usd,2026-09-01 10:00,2026-09-03 00:00,,po_1,2026-09-05 00:00'
const payout =
  'txn_2,payout,po_1,-10.00,0.00,-10.00,usd,2026-09-04 10:00,2026-09-05 00:00,,po_1,2026-09-05 00:00'
const declared = { from: new Date('2026-09-01'), until: new Date('2026-10-01') }

function load(...lines: string[]) {
  return ledger.load([header, ...lines].join('\n'), { declared })
}

test.each([
  [
    'a second balance transaction of a payout',
    payout.replace('txn_2', 'txn_3'),
    /:2: the balance transaction txn_3 pays out po_1, but txn_2 already pays it out/,
  ],
  [
    'a transaction in another currency than its payout',
    charge.replace('txn_1', 'txn_4').replace('usd', 'eur'),
    /the balance transaction txn_\d is in (usd|eur), but its payout po_1 is in (usd|eur)/,
  ],
])('%s is refused in a later file, and nothing changes', async (_what, line, message) => {
  await load(charge, payout)
  const before = [await ledger.rowsOf('balance_transactions'), await ledger.rowsOf('payouts')]
  await expect(load(line)).rejects.toThrow(message)
  expect([await ledger.rowsOf('balance_transactions'), await ledger.rowsOf('payouts')]).toEqual(before)
})
