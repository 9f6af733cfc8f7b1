import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { marchEnd, marchStart, writeMarchLedger } from '../../support/march-ledger.ts'
import { requestReport, runReport } from '../../support/run-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount()
  const inLiveMode = { ...account, livemode: true }
  await writeMarchLedger(gateway.database, account, [inLiveMode, await gateway.createAccount()])
})
afterAll(() => gateway[Symbol.asyncDispose]())

const march = { interval: { between: { start: marchStart, end: marchEnd } } }
async function textOf(report: Record<string, unknown>): Promise<string> {
  return (await runReport(account, report)).text
}

/** Lines of a file, each with LF at the end. */
function lines(...texts: string[]): string {
  return texts.map((text) => `${text}\n`).join('')
}

describe('the itemized activity', () => {
  test('has its default columns, oldest row first, in Berlin', async () => {
    expect(
      await textOf({ balanceChangeFromActivityItemized3: { ...march, timezone: 'Europe/Berlin' } }),
    ).toBe(
      lines(
        '"balance_transaction_id","created","available_on","currency","gross","fee","net","reporting_category","description"',
        '"txn_on_start","2026-03-01 01:00:00","2026-03-01 01:00:00","usd","25.00","1.03","23.97","charge","He said ""go, now""\r\nthen left 🚪"',
        '"txn_dinar","2026-03-02 11:00:00","2026-03-02 11:00:00","kwd","1.234","0.005","1.229","charge",',
        `"txn_yen","2026-03-03 11:00:00","2026-03-03 11:00:00","jpy","500","18","482","charge","'=1+1"`,
        `"txn_refund","2026-03-04 11:00:00","2026-03-04 11:00:00","usd","-10.00","-0.30","-9.70","refund","'-10% for the dent"`,
        '"txn_zero","2026-03-05 11:00:00","2026-03-05 11:00:00","usd","0.00","0.00","0.00","other_adjustment",',
        '"txn_huge","2026-03-29 01:59:59","2026-03-29 01:59:59","eur","90071992547409.93","0.01","90071992547409.92","charge",',
        `"txn_spring","2026-03-29 03:00:00","2026-03-29 03:00:00","eur","-0.05","0.00","-0.05","fee","'@ops: "","" , \\N and \\."`,
      ),
    )
  })

  test('joins the charge, its customer and its payout, and guards spreadsheet formulas', async () => {
    const columns = [
      'balance_transaction_id',
      'customer_facing_amount',
      'customer_facing_currency',
      'customer_name',
      'customer_address_line1',
      'customer_address_line2',
      'customer_address_postal_code',
      'customer_address_city',
      'is_link',
      'card_brand',
      'charge_created',
      'automatic_payout_effective_at',
      'automatic_payout_effective_at_utc',
      'trace_id',
      'payment_metadata[order_id]',
      'payment_metadata[empty]',
      'payment_metadata[a"b]',
      'payment_metadata[weird]',
      'refund_metadata[reason]',
    ]
    expect(
      await textOf({
        balanceChangeFromActivityItemized3: {
          ...march,
          columns,
          decimalSeparator: 'COMMA',
          timezone: 'Asia/Kolkata',
        },
      }),
    ).toBe(
      lines(
        columns.map((name) => `"${name.replaceAll('"', '""')}"`).join(','),
        `"txn_on_start","3700","jpy","'=cmd()","'+1 Hill Road",,,"Århus","false","visa","2026-03-01 05:30:00","2026-03-02 05:30:00","2026-03-02 00:00:00","00123","6735",,"'\t=2+2",,`,
        '"txn_dinar","1,234","kwd",,,,,,"true",,"2026-03-02 15:30:00",,,,,,,,',
        '"txn_yen",,,,,,,,,,,,,,,,,,',
        `"txn_refund",,,"'=cmd()","'+1 Hill Road",,,"Århus","false","visa","2026-03-01 05:30:00",,,,"6735",,"'\t=2+2",,"'+dent"`,
        '"txn_zero",,,,,,,,,,,,,,,,,,',
        '"txn_huge",,,,,,,,,,,,,,,,,,',
        '"txn_spring",,,,,,,,,,,,,,,,,,',
      ),
    )
  })

  test('a comma as decimal separator changes only the amounts', async () => {
    const columns = ['gross', 'fee', 'net', 'currency', 'created']
    const amountsWith = (decimalSeparator: string) =>
      textOf({ balanceChangeFromActivityItemized3: { ...march, columns, decimalSeparator } })
    const [points, commas] = await Promise.all([amountsWith('POINT'), amountsWith('COMMA')])
    expect(commas).toBe(points.replaceAll('.', ','))
    expect(commas).toContain('"90071992547409,93","0,01","90071992547409,92","eur","2026-03-29 00:59:59"')
    expect(commas).toContain('"500","18","482","jpy","2026-03-03 10:00:00"')
  })
})

describe('the itemized payouts', () => {
  test('are those that left the balance or came back inside, whenever they were made', async () => {
    expect(await textOf({ payoutsItemized3: march })).toBe(
      lines(
        '"payout_id","effective_at","currency","gross","fee","net","reporting_category","balance_transaction_id","description","payout_expected_arrival_date","payout_status"',
        '"po_inside","2026-03-02 00:00:00","usd","50.00","0.25","50.25","payout","txn_payout","STRIPE PAYOUT","2026-03-02 00:00:00","failed"',
        '"po_inside","2026-03-06 09:30:00","usd","-50.00","0.00","-50.00","payout_reversal","txn_back",,"2026-03-02 00:00:00","failed"',
      ),
    )
  })

  test('have local times and times in UTC; the arrival date is in UTC', async () => {
    const columns = [
      'balance_transaction_id',
      'effective_at',
      'effective_at_utc',
      'payout_expected_arrival_date',
      'payout_reversed_at',
      'payout_reversed_at_utc',
      'payout_type',
      'payout_destination_id',
      'trace_id_status',
    ]
    expect(await textOf({ payoutsItemized3: { ...march, columns, timezone: 'America/New_York' } })).toBe(
      lines(
        columns.map((name) => `"${name}"`).join(','),
        '"txn_payout","2026-03-01 19:00:00","2026-03-02 00:00:00","2026-03-02 00:00:00","2026-03-06 04:30:00","2026-03-06 09:30:00","bank_account","ba_1","supported"',
        '"txn_back","2026-03-06 04:30:00","2026-03-06 09:30:00","2026-03-02 00:00:00","2026-03-06 04:30:00","2026-03-06 09:30:00","bank_account","ba_1","supported"',
      ),
    )
  })
})

describe('the bounds of the interval', () => {
  const idsBetween = async (from: string, until: string): Promise<string[]> => {
    const between = { start: from, end: until }
    const { rows } = await runReport(account, {
      balanceChangeFromActivityItemized3: { interval: { between } },
    })
    return rows.map(({ balance_transaction_id }) => balance_transaction_id ?? '')
  }

  test('include a row at the start and exclude a row at the end', async () => {
    expect(await idsBetween('2026-03-29T00:59:59Z', '2026-03-29T01:00:00Z')).toEqual(['txn_huge'])
    expect(await idsBetween('2026-03-29T01:00:00Z', '2026-03-29T01:00:01Z')).toEqual(['txn_spring'])
  })

  test.each([
    ['2026-03-29T00:59:59.001Z', '2026-03-29T01:00:00.001Z', ['txn_spring']],
    ['2026-03-29T00:59:58.999Z', '2026-03-29T00:59:59.499Z', ['txn_huge']],
    ['2026-03-29T00:59:58.499Z', '2026-03-29T00:59:59.999Z', ['txn_huge']],
  ])('can have fractions of a second: %s to %s', async (from, until, ids) => {
    expect(await idsBetween(from, until)).toEqual(ids)
  })

  test('are rejected as empty when they contain no whole second', async () => {
    const between = { start: '2026-03-29T00:59:59.001Z', end: '2026-03-29T01:00:00Z' }
    const { userErrors } = await requestReport(account, { balanceSummary1: { interval: { between } } })
    expect(userErrors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^The interval is empty: it starts at 2026-03-29T01:00:00Z /),
    ])
  })
})

test('every currency has the decimals of its minor unit at Stripe', async () => {
  const none = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ')
  const three = 'bhd jod kwd omr tnd'.split(' ')
  const codes = Intl.supportedValuesOf('currency').map((code) => code.toLowerCase())
  expect(codes).toEqual(expect.arrayContaining([...none, ...three, 'usd', 'eur', 'isk', 'ugx', 'huf', 'twd']))
  const other = await gateway.createAccount()
  await writeMarchLedger(gateway.database, other, [])
  await gateway.database.query('delete from balance_transactions where account_id = $1', [other.accountId])
  await gateway.database.query(
    `insert into balance_transactions (account_id, livemode, id, type, reporting_category, currency,
       amount, fee, net, created, available_on, effective_at)
     select $1, false, 'txn_' || code, 'charge', 'charge', code, -123456, 7, -123463, $2, $2, $2
     from unnest($3::text[]) as code`,
    [other.accountId, marchStart, codes],
  )
  const { rows } = await runReport(other, {
    balanceChangeFromActivityItemized3: { ...march, columns: ['currency', 'gross', 'fee', 'net'] },
  })
  const amounts = (currency: string) => {
    if (none.includes(currency)) return { gross: '-123456', fee: '7', net: '-123463' }
    if (three.includes(currency)) return { gross: '-123.456', fee: '0.007', net: '-123.463' }
    return { gross: '-1234.56', fee: '0.07', net: '-1234.63' }
  }
  expect(rows).toEqual(codes.sort().map((currency) => ({ currency, ...amounts(currency) })))
})
