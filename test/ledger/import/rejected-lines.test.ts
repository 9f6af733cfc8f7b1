import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import Papa from 'papaparse'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ImportedLedger, openImportedLedger } from '../../support/imported-ledger.ts'
import { badHistory, history, historyRows } from '../../support/small-exports.ts'

let ledger: ImportedLedger
beforeAll(async () => {
  ledger = await openImportedLedger()
})
afterAll(() => ledger[Symbol.asyncDispose]())
beforeEach(() => ledger.newAccount())

describe('bad lines', () => {
  test('are reported with file, line, column and value, and nothing is imported', async () => {
    const loading = ledger.load(badHistory)
    await expect(loading).rejects.toThrow(/Nothing of .* was imported.*--skip-bad/s)
    const message = String(await loading.catch((error: Error) => error.message))
    const path = ledger.lastPath()
    expect(message.split('\n').slice(0, 3)).toEqual([
      `${path}:4: Amount "-20.0O" is not a valid amount, such as 1234.50.`,
      `${path}:6: Net "-56.90" is not amount minus fee, which is -56.80.`,
      `${path}:7: Created (UTC) "2026-02-30 09:00" is not a valid time, such as 2026-09-01 14:30:00.`,
    ])
    expect(await ledger.rowsOf('balance_transactions')).toEqual([])
    expect(await ledger.coverage()).toBeNull()
  })

  test('are skipped and written to a file, which can be corrected and imported', async () => {
    const { path, rows, rejected, rejectedPath, sides } = await ledger.load(badHistory, { skipBad: true })
    expect({ rows, sides }).toEqual({ rows: 4, sides: [] })
    expect(rejected).toHaveLength(3)
    expect(rejectedPath).toBe(`${path}.rejected.csv`)
    const text = await readFile(`${path}.rejected.csv`, 'utf8')
    expect(Papa.parse<string[]>(text.trim()).data.map((cells) => [cells[0], cells.at(-1)])).toEqual([
      ['id', 'rejected_because'],
      ['txn_2', 'is not a valid amount, such as 1234.50'],
      ['txn_4', 'is not amount minus fee, which is -56.80'],
      ['txn_5', 'is not a valid time, such as 2026-09-01 14:30:00'],
    ])
    // An existing file is not overwritten.
    const again = ledger.importPath(path, { skipBad: true })
    await expect(again).rejects.toThrow(/would overwrite .*\.rejected\.csv: move or delete/)
    const corrected = text
      .replace('-20.0O', '-20.00')
      .replace('-56.90', '-56.80')
      .replace('2026-02-30', '2026-09-04')
    await ledger.load(corrected, {
      declared: { from: new Date('2026-09-01'), until: new Date('2026-09-07') },
    })
    expect(await ledger.rowsOf('balance_transactions')).toEqual(historyRows)
    expect(await ledger.coverage()).not.toBeNull()
  })

  test('that were skipped prevent coverage, even with a declared span', async () => {
    const declared = { from: new Date('2026-09-01'), until: new Date('2026-10-01') }
    expect((await ledger.load(badHistory, { skipBad: true, declared })).sides).toEqual([])
    expect(await ledger.coverage()).toBeNull()
  })

  test('do not determine the decimal separator of other lines', async () => {
    const text = [
      'id,Type,Amount,Fee,Net,Currency,Created (UTC),Customer Facing Amount,Customer Facing Currency',
      'txn_1,charge,10.00,0.00,10.00,usd,2026-09-01 10:00,10.00,usd',
      'txn_2,charge,10.00,0.00,10.00,usd,2026-09-01 10:00,"10,00",usd',
      'txn_3,charge,10.00,0.00,10.00,usd,2026-09-01 10:00,10.00,usd',
    ]
    for (const lines of [text, [text[0], text[2], text[1], text[3]]]) {
      await ledger.newAccount()
      const { rows, rejected } = await ledger.load(lines.join('\n'), { skipBad: true })
      expect([rows, rejected.length]).toEqual([2, 1])
    }
  })

  test('after the first twenty are only counted', async () => {
    const lines = Array.from({ length: 30 }, (_, index) => `txn_${index},charge,,x,0,0,usd,2026-09-01 10:00`)
    const loading = ledger.load(['id,Type,Source,Amount,Fee,Net,Currency,Created (UTC)', ...lines].join('\n'))
    await expect(loading).rejects.toThrow(/:21: .*\n.*: and 10 more\./)
  })

  test.each([
    [
      'jpy has no decimals',
      'txn_1,charge,,5.50,0,5.50,jpy,2026-09-01 10:00',
      /Amount "5.50" has more decimals/,
    ],
    [
      'two separators',
      'txn_1,charge,,"5,50",0,5.50,usd,2026-09-01 10:00',
      /Net "5.50" has the decimal separator "\.", but earlier amounts have ","/,
    ],
    [
      'grouped thousands',
      'txn_1,charge,,"1,000",0,"1,000",jpy,2026-09-01 10:00',
      /Amount "1,000" has a comma/,
    ],
    [
      'digits that are not grouped by thousands',
      'txn_1,charge,,"1,00,000.00",0,0,usd,2026-09-01 10:00',
      /is not a valid amount/,
    ],
    [
      'an amount that is too large',
      'txn_1,charge,,99999999999999999.00,0,0,usd,2026-09-01 10:00',
      /is too large/,
    ],
    ['a year of two digits', 'txn_1,charge,,1,0,1,usd,0026-09-01 10:00', /is not a valid time/],
    ['no currency', 'txn_1,charge,,1,0,1,,2026-09-01 10:00', /Currency is empty/],
    ['no id', ',charge,,1,0,1,usd,2026-09-01 10:00', /id is empty/],
    [
      'an additional cell',
      'txn_1,charge,,1,0,1,usd,2026-09-01 10:00,x',
      /the line has 9 cells, but the header has 8/,
    ],
    [
      'an id of another object',
      'po_1,payout,,-1,0,-1,usd,2026-09-01 10:00',
      /id "po_1" is not the id of a balance/,
    ],
    ['a total', 'Total,,,1.00,0,1.00,usd,', /id "Total" is not the id of a balance transaction/],
    [
      'a payout that raises the balance',
      'txn_1,payout,po_1,1,0,1,usd,2026-09-01 10:00',
      /Amount "1" has the wrong sign: it raises the balance, and its category is payout\. .* import from the API with --stripe/,
    ],
    [
      'a type that is not of Stripe',
      'txn_1,Payout,po_1,1,0,1,usd,2026-09-01 10:00',
      /Type "Payout" is not a name of Stripe/,
    ],
    [
      'a payout whose fee raises the balance',
      'txn_1,payout,po_1,-1,-2,1,usd,2026-09-01 10:00',
      /has the wrong sign/,
    ],
    [
      'a refund that raises the balance',
      'txn_1,refund,re_1,1,0,1,usd,2026-09-01 10:00',
      /has the wrong sign: no row of the category refund raises the balance/,
    ],
    [
      'a charge that reduces the balance',
      'txn_1,charge,ch_1,-1,0,-1,usd,2026-09-01 10:00',
      /has the wrong sign/,
    ],
    ['NUL', 'txn_1,cha\0rge,,1,0,1,usd,2026-09-01 10:00', /has a NUL character/],
    ['a stray quote', 'txn_1,"cha"rge,,1,0,1,usd,2026-09-01 10:00', /has a misplaced quote/],
  ])('are found: %s', async (_, line, sentence) => {
    await expect(
      // The first line shows that it is a balance history.
      ledger.load(`id,Type,Source,Amount,Fee,Net,Currency,Created (UTC)\ntxn_0,charge,,,,,usd,\n${line}\n`),
    ).rejects.toThrow(sentence)
  })

  test.each([
    ['Fee', '-3.20', 'net'],
    ['Net', '103.50', 'fee'],
  ])(
    'are found by the negative fee of a charge, without the other column: %s',
    async (name, value, other) => {
      await expect(
        ledger.load(
          `id,Type,Amount,${name},Currency,Created (UTC)\ntxn_1,charge,100.30,${value},usd,2026-09-01 10:00`,
        ),
      ).rejects.toThrow(
        `${name} "${value}" makes the fee of a charge negative, and there is no column ${other} that confirms it`,
      )
    },
  )

  test('are found by the currency of their payout', async () => {
    const mixed = history.replace('-20.00,usd', '-20.00,eur')
    await expect(ledger.load(mixed)).rejects.toThrow(
      /:4: Currency "eur" is not usd, the currency of the other rows of the payout po_1/,
    )
  })

  test('are found by their mode, when the file has it', async () => {
    const withMode = `id,Type,Amount,Net,Currency,Created (UTC),Livemode
txn_1,charge,1.00,1.00,usd,2026-09-01 10:00,true`
    await expect(ledger.load(withMode)).rejects.toThrow(/Livemode "true" is live mode, .*: pass --livemode/)
    ledger.owner = { ...ledger.owner, livemode: true }
    expect(await ledger.load(withMode)).toMatchObject({ rows: 1 })
  })

  test.each([
    ['no amount has decimals', '100,5,95'],
    ['the decimals are zeros that databases add', '100.0,5.0,95.0'],
  ])('are not the cause when %s: amounts can be in cents', async (_what, amounts) => {
    const text = `id,Type,Amount,Fee,Net,Currency,Created (UTC)\ntxn_1,charge,${amounts},usd,2026-09-01 10:00`
    await expect(ledger.load(text)).rejects.toThrow(
      /none of its amounts has decimals, .* pass --amounts major/,
    )
    expect(await ledger.rowsOf('balance_transactions')).toEqual([])
    await ledger.load(text, { areMajorUnits: true })
    expect(await ledger.rowsOf('balance_transactions')).toMatchObject([{ amount: 10_000, net: 9500 }])
  })

  test.each<[string, string | Buffer, RegExp]>([
    ['nothing', '', /cannot be imported: it is empty/],
    ['other columns', 'a,b\n1,2', /has the columns "a", "b", which are not .*: export the balance history/],
    ['latin 1', Buffer.from(history.replace('Boots', 'Schn\u00fcrb\u00e4nder'), 'latin1'), /not UTF-8 text/],
    [
      'text after a quote that is never closed',
      `${history}\n"${'"",\n'.repeat(5_000_000)}`,
      /a quote in line 10 or later is never closed, .*starts with "\\"\\"\\","/,
    ],
    ['half of a gzip file', gzipSync(history).subarray(0, 200), /cannot be decompressed/],
  ])('a file of %s is rejected', async (_, content, sentence) => {
    await expect(ledger.load(content)).rejects.toThrow(sentence)
  })
})
