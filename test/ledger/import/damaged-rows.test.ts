import fc from 'fast-check'
import Papa from 'papaparse'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ImportedLedger, openImportedLedger } from '../../support/imported-ledger.ts'
import { type ExportName, readExport } from '../../support/stripe-exports.ts'

let ledger: ImportedLedger
beforeAll(async () => {
  ledger = await openImportedLedger()
})
afterAll(() => ledger[Symbol.asyncDispose]())

/** The checked columns of an export; the payout is the one of the row or the one that swept it. */
const exports = {
  history: { id: 'id', amount: 'Amount', fee: 'Fee', net: 'Net', currency: 'Currency', payout: 'Transfer' },
  activity: { id: 'balance_transaction_id', amount: 'gross', fee: 'fee', net: 'net', currency: 'currency' },
  payouts: {
    id: 'balance_transaction_id',
    amount: 'gross',
    fee: 'fee',
    net: 'net',
    currency: 'currency',
    payout: 'payout_id',
  },
} as const satisfies Partial<Record<ExportName, Record<string, string>>>

type Damage = 'sign' | 'amount' | 'fee' | 'net' | 'id' | 'payout' | 'currency'

/** Returns the damaged text of a cell. */
function damaged(damage: Damage, text: string): string {
  if (damage === 'sign') return text.startsWith('-') ? text.slice(1) : `-${text}`
  if (damage === 'id' || damage === 'payout') return text.replace(/^[a-z]+/, 'ch')
  if (damage === 'currency') return `${text.slice(1)}$`
  return `${Number.parseInt(text, 10) + 1000}.00`
}

test('an export with one damaged row is refused, and changes nothing', async () => {
  const kinds = ['history', 'activity', 'payouts'] as const
  const texts = new Map(await Promise.all(kinds.map(async (kind) => [kind, await readExport(kind)] as const)))
  // Some times of the activity are in the timezone of the export only.
  const options = { timezone: 'Europe/Berlin' }
  for (const text of texts.values()) await ledger.load(text, options)
  const before = await ledger.rowsOf('balance_transactions')
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...kinds),
      fc.constantFrom<Damage>('sign', 'amount', 'fee', 'net', 'id', 'payout', 'currency'),
      fc.nat(),
      async (kind, damage, seed) => {
        const names: Partial<Record<Damage, string>> = exports[kind]
        const { data, meta } = Papa.parse<Record<string, string>>(
          (texts.get(kind) ?? '').replace('\ufeff', ''),
          { header: true, skipEmptyLines: true },
        )
        const name = (damage === 'sign' ? names.amount : names[damage]) ?? ''
        const row = data[seed % data.length]
        fc.pre(row !== undefined && Boolean(row[name]) && !/^0/.test(row[name] ?? ''))
        if (row) row[name] = damaged(damage, row[name] ?? '')
        await expect(ledger.load(Papa.unparse(data, { columns: meta.fields }), options)).rejects.toThrow(
          /Nothing of .* was imported/,
        )
      },
    ),
    { numRuns: 40 },
  )
  expect(await ledger.rowsOf('balance_transactions')).toEqual(before)
})
