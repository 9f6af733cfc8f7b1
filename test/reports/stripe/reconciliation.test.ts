import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../../src/demo/demo.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import {
  type Amounts,
  currencies,
  minor,
  readBalance,
  readSummary,
  sumUp,
} from '../../support/report-sums.ts'
import { requestReport, runReport } from '../../support/run-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true })
  account = await gateway.createAccount({ accountId: demoAccountId })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const amounts = ['currency', 'reporting_category', 'gross', 'fee', 'net']
const between = { start: '2026-08-24T10:30:00Z', end: '2026-09-09T00:00:00Z' }

type StoredPayout = { id: string; currency: string; amount: string }

/** Automatic payouts in the ledger, in the order in which they left the balance. */
function readPayouts(condition: string, values: string[]) {
  return gateway.database.query<StoredPayout>(
    `select id, currency, amount from payouts
     where account_id = '${demoAccountId}' and not livemode and is_automatic and ${condition}
     order by effective_at, id collate "C"`,
    values,
  )
}
function storedPayouts() {
  return readPayouts('effective_at >= $1 and effective_at < $2', [between.start, between.end])
}

type StoredSum = {
  currency: string
  category: string
  count: string
  gross: string
  fee: string
  net: string
}

/** Sums of the rows of payouts, computed in SQL, in the form of `sumUp` but without totals. */
async function sumsOf(payoutIds: readonly string[]): Promise<Map<string, Amounts>> {
  const rows = await gateway.database.query<StoredSum>(
    `select row.currency, row.reporting_category as category, count(*), sum(row.amount) as gross,
       sum(row.fee) as fee, sum(row.amount - row.fee) as net
     from unnest($1::text[]) as payout (id)
     join balance_transactions as row on row.automatic_payout_id = payout.id
     group by 1, 2`,
    [payoutIds],
  )
  return new Map(
    rows.map(({ currency, category, count, gross, fee, net }) => [
      `${currency} ${category}`,
      { count: BigInt(count), gross: BigInt(gross), fee: BigInt(fee), net: BigInt(net) },
    ]),
  )
}

function withoutTotals(sums: Map<string, Amounts>) {
  return new Map([...sums].filter(([key]) => !key.endsWith('total')))
}

/** The sum of net by currency. */
function totalsOf(sums: Map<string, Amounts>) {
  return Object.fromEntries(
    [...sums].flatMap(([key, { net }]) => (key.endsWith('total') ? [[key.slice(0, 3), net]] : [])),
  )
}

describe('the payout reconciliation', () => {
  test('sums up the rows that the payouts of the interval swept', async () => {
    const payouts = await storedPayouts()
    const columns = [...amounts, 'automatic_payout_id', 'automatic_payout_effective_at_utc']
    const [summary, itemized] = await Promise.all([
      runReport(account, { payoutReconciliationSummary1: { interval: { between } } }),
      runReport(account, { payoutReconciliationItemized5: { interval: { between }, columns } }),
    ])
    const sums = readSummary(summary.rows)
    expect(sums).toEqual(sumUp(itemized.rows))
    expect(withoutTotals(sums)).toEqual(await sumsOf(payouts.map(({ id }) => id)))
    expect(sums.size).toBeGreaterThan(3 * 4)
  })

  test('groups rows by payout, and the amount of each payout is the sum of its rows', async () => {
    const payouts = await storedPayouts()
    const columns = ['automatic_payout_id', 'net', 'currency']
    const { rows } = await runReport(account, {
      payoutReconciliationItemized5: { interval: { between }, columns },
    })
    const sums = new Map<string, bigint>()
    for (const { automatic_payout_id: id = '', net, currency } of rows) {
      sums.set(id, (sums.get(id) ?? 0n) + minor(net, currency))
    }
    expect([...sums]).toEqual(payouts.map(({ id, amount }) => [id, BigInt(amount)]))
    const firstRows = rows.filter((row, i) => row.automatic_payout_id !== rows[i - 1]?.automatic_payout_id)
    expect(firstRows).toHaveLength(payouts.length)
  })

  test('filters by currency and category', async () => {
    const columns = ['balance_transaction_id', 'currency', 'reporting_category']
    const given = { interval: { between }, columns }
    const all = await runReport(account, { payoutReconciliationItemized5: given })
    const some = await runReport(account, {
      payoutReconciliationItemized5: { ...given, currency: 'eur', reportingCategory: 'REFUND' },
    })
    expect(some.rows).toEqual(
      all.rows.filter((row) => row.currency === 'eur' && row.reporting_category === 'refund'),
    )
    expect(some.rows.length).toBeGreaterThan(0)
  })

  test('has the same values in an older version as in the newest version in UTC', async () => {
    const parameters = { interval_start: between.start, interval_end: between.end, currency: 'jpy' }
    const old = await runReport(account, { byName: { name: 'payout_reconciliation.itemized.3', parameters } })
    const columns = old.header
    const type = 'payout_reconciliation.itemized.5'
    const newest = await runReport(account, {
      byName: { name: type, parameters: { ...parameters, columns } },
    })
    expect(newest.text).toBe(old.text)
    expect(columns).toEqual(expect.arrayContaining(['automatic_payout_effective_at', 'created_utc']))
    expect(old.rows.length).toBeGreaterThan(0)
  })
})

describe('the reconciliation of a single payout', () => {
  const reconcile = async (payout: string, columns = amounts) => {
    const [summary, itemized] = await Promise.all([
      runReport(account, { payoutReconciliationByIdSummary1: { payout } }),
      runReport(account, { payoutReconciliationByIdItemized4: { payout, columns } }),
    ])
    return { sums: readSummary(summary.rows), rows: itemized.rows }
  }

  test('adds up to the amount of the payout, including a failed payout', async () => {
    const payouts = await storedPayouts()
    const some = [
      ...currencies.map((code) => payouts.find(({ currency }) => currency === code)),
      (await readPayouts('status = $1', ['failed']))[0],
    ]
    for (const payout of some) {
      const { id = '', currency = '', amount = '' } = payout ?? {}
      const { sums, rows } = await reconcile(id)
      expect(sums).toEqual(sumUp(rows))
      expect(withoutTotals(sums)).toEqual(await sumsOf([id]))
      expect(totalsOf(sums)).toEqual({ [currency]: BigInt(amount) })
    }
  })

  const request = (caller: TestAccount, payout: string) =>
    requestReport(caller, { payoutReconciliationByIdItemized4: { payout } })
  const rejected = (message: RegExp) => ({
    reportRun: null,
    userErrors: [
      {
        code: 'INVALID_VALUE',
        message: expect.stringMatching(message),
        path: ['input', 'report', 'payoutReconciliationByIdItemized4', 'payout'],
        allowed: null,
      },
    ],
  })

  test.each(['', 'po_', 'pi_1', 'po_1\0', "po_1'; --", `po_${'1'.repeat(251)}`])(
    'rejects the payout %j',
    async (id) => {
      expect(await request(account, id)).toEqual(rejected(/ is not a valid payout ID\. Use one such as "po_/))
    },
  )

  test('reports a payout of another account or mode like a payout that does not exist', async () => {
    const [payout] = await storedPayouts()
    const others = [
      await gateway.createAccount({ accountId: demoAccountId, livemode: true }),
      await gateway.createAccount(),
    ]
    for (const other of others) {
      for (const id of [payout?.id ?? '', 'po_unknown']) {
        expect(await request(other, id)).toEqual(rejected(new RegExp(`^There is no payout "${id}"\\.`)))
      }
    }
  })

  test('rejects a manual payout, because it sweeps no transactions', async () => {
    const [payout] = await gateway.database.query<{ id: string }>(
      'select id from payouts where account_id = $1 and not livemode and not is_automatic limit 1',
      [demoAccountId],
    )
    expect(await request(account, payout?.id ?? '')).toEqual(rejected(/is a manual payout/))
  })
})

describe('the ending balance reconciliation', () => {
  const balanceAt = async (moment: string) => {
    const interval = { between: { start: '2026-01-01T00:00:00Z', end: moment } }
    const { rows } = await runReport(account, { balanceSummary1: { interval } })
    const balances = Object.entries(readBalance(rows))
    return Object.fromEntries(balances.map(([currency, lines]) => [currency, lines.ending_balance]))
  }

  // The second before payouts leave, the second at which they leave, a moment within a day, and the end of the data.
  const moments = [
    '2026-09-01T23:59:59Z',
    '2026-09-02T00:00:00Z',
    '2026-05-18T14:20:00Z',
    '2026-11-01T00:00:00Z',
  ]

  test.each(moments)('adds up to the ending balance at %s', async (moment) => {
    const [summary, itemized, balance] = await Promise.all([
      runReport(account, { endingBalanceReconciliationSummary1: { intervalEnd: moment } }),
      runReport(account, { endingBalanceReconciliationItemized4: { intervalEnd: moment, columns: amounts } }),
      balanceAt(moment),
    ])
    const sums = readSummary(summary.rows)
    expect(sums).toEqual(sumUp(itemized.rows))
    expect(totalsOf(sums)).toEqual(balance)
    expect(Object.keys(balance)).toEqual(currencies)
  })

  test('has the rows that no payout swept by then, including rows of payouts that leave later', async () => {
    const moment = '2026-09-02T00:00:01Z'
    const columns = [
      'automatic_payout_effective_at_utc',
      'created_utc',
      'reporting_category',
      'available_on_utc',
    ]
    const { rows } = await runReport(account, {
      endingBalanceReconciliationItemized4: { intervalEnd: moment, columns },
    })
    const effective = rows.map((row) => row.automatic_payout_effective_at_utc ?? '')
    const wrong = rows.filter(
      ({ created_utc = '', automatic_payout_effective_at_utc: at = '' }) =>
        created_utc >= '2026-09-02 00:00:01' || (at !== '' && at < '2026-09-02 00:00:01'),
    )
    expect(wrong).toEqual([])
    expect(effective).toEqual(expect.arrayContaining([expect.stringMatching(/^2026-09-0[3-9] /)]))
  })

  test('recognizes automatic payouts by their swept rows', async () => {
    await gateway.database.query('update payouts set is_automatic = null where account_id = $1', [
      demoAccountId,
    ])
    const moment = moments[1] ?? ''
    const { rows } = await runReport(account, {
      endingBalanceReconciliationSummary1: { intervalEnd: moment },
    })
    expect(totalsOf(readSummary(rows))).toEqual(await balanceAt(moment))
  })
})
