import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ImportedLedger, openImportedLedger } from '../../support/imported-ledger.ts'
import { history } from '../../support/small-exports.ts'

let ledger: ImportedLedger
beforeAll(async () => {
  ledger = await openImportedLedger()
})
afterAll(() => ledger[Symbol.asyncDispose]())
beforeEach(() => ledger.newAccount())

const zip = (name: string) => Buffer.concat([Buffer.from('PK\x03\x04'.padEnd(30, '\0')), Buffer.from(name)])

/** The sentence after "it is": what the file is. Each file also gets what is read, and what to export instead. */
const others: [string, string, string | Buffer][] = [
  [
    'the list of payouts',
    'of the Dashboard',
    `id,Amount,Created (UTC),Currency,Arrival Date (UTC),Source Type,Destination,Status,Type,Method,Description
po_1,12.00,2026-07-10 00:18,usd,2026-07-12 00:00,card,ba_1,paid,bank_account,standard,STRIPE PAYOUT`,
  ],
  [
    'the list of payouts',
    'with the columns of the balance history',
    `id,Type,Source,Amount,Fee,Net,Currency,Created (UTC)
po_1,payout,card,1050.00,30.45,1019.55,usd,2026-02-27 10:00`,
  ],
  ['the list of payouts', 'without rows', 'id,Amount,Created (UTC),Currency,Arrival Date (UTC),Status\n'],
  [
    'the list of payments',
    'that is unified',
    `id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Fee,Payment Source Type,Status,Transfer
ch_1,2026-06-05 20:38:34,312.00,0.00,usd,true,9.35,card,Paid,po_1`,
  ],
  ['the list of payments', 'of payment intents', 'id,Amount,Currency\npi_1,1.00,usd'],
  ['the list of refunds', 'by its ids', 'id,Amount,Created (UTC),Currency\nre_1,1.00,2026-06-05 20:38,usd'],
  [
    'the list of customers',
    'by its ids',
    'id,Email,Name,Created (UTC)\ncus_1,a@example.com,A,2026-06-05 20:38',
  ],
  ['the list of subscriptions', 'by its ids', 'id,Customer ID,Plan,Quantity\nsub_1,cus_1,basic,1'],
  ['the list of invoices', 'without rows', 'id,Amount Due,Billing,Currency,Number,Subtotal\n'],
  ['the list of disputes', 'by its ids', 'Id,Amount,Currency,Reason\ndu_1,1.00,usd,fraudulent'],
  ['the list of transfers', 'by its ids', 'id,Amount,Created (UTC),Currency\ntr_1,1.00,2026-06-05 20:38,usd'],
  [
    'a table of balance transactions',
    'of Sigma',
    `id,amount,available_on,created,currency,fee,net,reporting_category,source_id,status,type
txn_1,10030,2026-08-09 00:00:00.000,2026-08-06 12:00:00.000,usd,320,9710,charge,ch_1,available,charge`,
  ],
  [
    'a table of balance transactions',
    'of Fivetran',
    `id,amount,created,currency,fee,net,type,_fivetran_synced
txn_1,10030,2026-08-06 12:00:00,usd,320,9710,charge,2026-08-07`,
  ],
  [
    'a table of balance transactions',
    'of Airbyte',
    `_airbyte_raw_id,id,fee,net,type,amount,object,source,status,created,currency
1,txn_1,320,9710,charge,10030,balance_transaction,ch_1,available,1785931200,usd`,
  ],
  [
    'a report about connected accounts',
    'with the columns of activity',
    `balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,connected_account
txn_1,2026-08-06 12:00:00,usd,1.00,0.00,1.00,charge,acct_1`,
  ],
  ['a summary', 'of the balance', 'category,description,net_amount,currency\nactivity,Activity,1.00,usd'],
  [
    'a summary',
    'of activity',
    'reporting_category,currency,count,gross,fee,net\ncharge,usd,1,1.00,0.00,1.00',
  ],
  [
    'the itemized report of activity by component',
    '',
    'balance_transaction_id,balance_transaction_component\n',
  ],
  ...[
    'date,entry_id,line,account,debit,credit,currency',
    'currency,fee_type,is_billed_separately,reporting_category,payment_method_type,count,volume,fee',
    'date,currency,starting_balance,activity,payouts,ending_balance,available,pending',
    'payout_id,effective_at,currency,amount,count,charges,refunds,disputes,other,fees,net',
  ].map((header): [string, string, string] => ['a report that only this gateway has', header, `${header}\n`]),
  ['a report of fees', '', 'balance_transaction_id,fee_transaction_id,amount\n'],
  ['a report of taxes', '', 'id,type,currency,tax_code\n'],
  ['a file without a header', '', history.split('\n').slice(4).join('\n')],
  [
    'a file whose lines are each in one cell',
    '',
    history
      .split('\n')
      .map((line) => `"${line.replaceAll('"', '""')}"`)
      .join('\n'),
  ],
  ['an Excel workbook (.xlsx)', '', zip('[Content_Types].xml')],
  ['a Numbers document', '', zip('Index/Document.iwa')],
  ['an OpenDocument spreadsheet', '', zip('mimetypeapplication/vnd.oasis.opendocument.spreadsheet')],
  ['a ZIP archive', '', zip('balance_history.csv')],
  ['an old Excel workbook (.xls)', '', Buffer.from('d0cf11e0a1b11ae1', 'hex')],
  ['a PDF document', '', '%PDF-1.7\n'],
  ['JSON', 'of the API', '{\n  "object": "list",\n  "data": []}'],
  ['a web page or XML', '', '\ufeff\n<!DOCTYPE html><html>'],
]

describe('a file that is not a supported export', () => {
  test.each(others)('is rejected by name: %s %s', async (title, _what, content) => {
    const message = String(await ledger.load(content).catch((error: Error) => error.message))
    expect(message).toContain(`cannot be imported: it is ${title}`)
    expect(message).toMatch(/, but this command reads .*: (export|import|unpack) .*\.$/)
    expect(await ledger.rowsOf('balance_transactions')).toEqual([])
  })

  test.each([
    [
      'is in another language',
      history.replace(/^.*/, 'id,Typ,Quelle,Betrag,Gebühr,Währung'),
      /columns "id", "Typ", .* in English/,
    ],
    [
      'is of another payment provider',
      'Date,Payment method,Currency,Amount,Status,ID\n2026-09-01,ideal,EUR,10.00,Paid,tr_abc',
      /its first line has the columns "Date", "Payment method"/,
    ],
    [
      'lacks a column',
      history.replace(',Currency,', ',Other,'),
      /balance history and lacks the columns currency,/,
    ],
    ['has a column twice', history.replace(',Source,', ',amount ,'), /more than one column "amount"/],
  ])('is rejected when its header %s', async (_what, content, sentence) => {
    await expect(ledger.load(content)).rejects.toThrow(sentence)
  })
})

describe('a supported export', () => {
  test('can have its header in any case and with any spaces', async () => {
    const header = 'ID,TYPE,Source,Amount ,Fee,Net,Currency,Created(UTC),available  on (utc)'
    await ledger.load(`${header}\ntxn_1,charge,ch_1,1.00,0.10,0.90,usd,2026-09-01 10:00,2026-09-02 00:00`)
    expect(await ledger.rowsOf('balance_transactions')).toMatchObject([
      { created: '2026-09-01T10:00:00+00:00', available_on: '2026-09-02T00:00:00+00:00' },
    ])
  })
})
