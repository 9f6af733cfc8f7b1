import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import Papa from 'papaparse'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ImportedLedger, openImportedLedger } from '../../support/imported-ledger.ts'
import { history, historyRows } from '../../support/small-exports.ts'

let ledger: ImportedLedger
beforeAll(async () => {
  ledger = await openImportedLedger()
})
afterAll(() => ledger[Symbol.asyncDispose]())
beforeEach(() => ledger.newAccount())

/** Reverses the columns of a table. */
function reordered(csv: string): string {
  const { data } = Papa.parse<string[]>(csv)
  return Papa.unparse(
    data.map((row) => row.toReversed()),
    { newline: '\n' },
  )
}

describe('the balance history', () => {
  test.each<[string, string | Buffer]>([
    ['unchanged', history],
    ['with a byte order mark and CRLF', `\ufeff${history.replaceAll('\n', '\r\n')}\r\n`],
    [
      'with all cells quoted, and empty lines',
      `${Papa.unparse(Papa.parse<string[]>(history).data, { quotes: true, newline: '\n' })}\n\n`,
    ],
    ['in another order of columns', reordered(history)],
    ['compressed by gzip', gzipSync(history)],
    ['with decimal commas', history.replaceAll(/,(-?\d+)\.(\d+)(?=,)/g, ',"$1,$2"')],
  ])('is imported as transactions, charges and payouts: %s', async (how, content) => {
    const { rows, title, span, sides } = await ledger.load(content)
    expect({ rows, title, sides }).toEqual({
      rows: 7,
      title: 'balance history',
      sides: ['activity', 'payouts'],
    })
    expect(span).toEqual({ from: new Date('2026-09-01'), until: new Date('2026-09-07') })
    const expected = how.includes('CRLF')
      ? historyRows.map((row) => ({
          ...row,
          ...(row.id === 'txn_1' && { description: 'Boots, "red"\r\nand laces' }),
        }))
      : historyRows
    expect(await ledger.rowsOf('balance_transactions')).toEqual(expected)
    expect(await ledger.rowsOf('charges')).toEqual([{ id: 'ch_1', metadata: { order: '17' } }])
    expect(await ledger.rowsOf('payouts')).toMatchObject([
      {
        id: 'po_1',
        amount: 5680,
        is_automatic: true,
        arrival_date: '2026-09-05T00:00:00+00:00',
        effective_at: '2026-09-05T00:00:00+00:00',
      },
      { id: 'po_2', amount: 1000, currency: 'jpy' },
    ])
    expect(await ledger.coverage()).toEqual(['2026-09-01T00:00:00.000Z', '2026-09-07T00:00:00.000Z'])
  })

  test('imported again changes nothing', async () => {
    await ledger.load(history)
    const before = await ledger.rowsOf('balance_transactions')
    await ledger.load(history)
    expect(await ledger.rowsOf('balance_transactions')).toEqual(before)
    expect(await ledger.coverage()).toEqual(['2026-09-01T00:00:00.000Z', '2026-09-07T00:00:00.000Z'])
  })
})

/** Text that is difficult for CSV readers, without NUL, which Postgres cannot store. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('"', ',', '\n', '\r', '\r\n', ';', '=', '\\', '\t', '🦊', '\ufeff', "'"),
      fc.string(),
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((parts) => parts.join('').replaceAll('\0', ''))
  .filter((text) => text !== '')
const maybe = fc.option(hostile, { nil: '' })

/** The gateway's own files have an apostrophe before text that a spreadsheet would run as a formula. */
function unguarded(text: string): string | undefined {
  return text.replace(/^'(?=[=+\-@＝＋－＠\t\n\r])/, '') || undefined
}

test('any text in an export is stored unchanged, without the guard against formulas', async () => {
  const header = [
    'description',
    'balance_transaction_id',
    'created_utc',
    'currency',
    'gross',
    'net',
    'reporting_category',
    'charge_id',
    'payment_metadata[k]',
    'statement_descriptor',
  ]
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(maybe, maybe, maybe, fc.integer()), { minLength: 1, maxLength: 8 }),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      async (drawn, newline, quotes) => {
        ledger.owner = { accountId: `acct_hostile_${++run}`, livemode: true }
        const rows = drawn.map(([description, value, descriptor, amount], index) => {
          const text = `${amount < 0 ? '-' : ''}${Math.floor(Math.abs(amount) / 100)}.${String(Math.abs(amount) % 100).padStart(2, '0')}`
          return [
            description,
            `txn_${index}`,
            '2026-09-01 10:00:00',
            'usd',
            text,
            text,
            'other_adjustment',
            `ch_${index}`,
            value,
            descriptor,
          ]
        })
        await ledger.load(Papa.unparse([header, ...rows], { newline, quotes }))
        const expected = drawn.map(([description, value, descriptor, amount], index) => ({
          id: `txn_${index}`,
          amount: amount === 0 ? 0 : amount,
          description: unguarded(description),
          charge:
            value || descriptor ? { value: unguarded(value), descriptor: unguarded(descriptor) } : undefined,
        }))
        const charges = new Map((await ledger.rowsOf('charges')).map((charge) => [charge.id, charge]))
        const found = (await ledger.rowsOf('balance_transactions')).map(
          ({ id, amount, description, charge_id }) => {
            const charge = charges.get(String(charge_id))
            return {
              id,
              amount,
              description,
              charge: charge && { value: charge.metadata?.k, descriptor: charge.statement_descriptor },
            }
          },
        )
        expect(found).toEqual(expected)
      },
    ),
    { numRuns: 25 },
  )
})
