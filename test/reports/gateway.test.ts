import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { currencies, minor } from '../support/report-sums.ts'
import { runReport } from '../support/run-report.ts'

type Transaction = {
  id: string
  category: string
  currency: string
  amount: bigint
  fee: bigint
  net: bigint
  effective: number
  available: number | null
  payout: string | null
  sweptBy: string | null
  method: string | null
}

type FeePart = { transaction: string; type: string; amount: bigint }

let gateway: TestGateway
let account: TestAccount
let ledger: Transaction[]
/** By the ID of their transaction. */
let parts: Map<string, FeePart[]>

beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true })
  account = await gateway.createAccount({ accountId: demoAccountId })
  const { query } = gateway.database
  // The demo ledger has neither a manual payout nor an adjustment.
  await query(
    `insert into balance_transactions (account_id, livemode, id, type, reporting_category, currency, amount, fee, net,
       created, effective_at, source_id, payout_id)
     values ($1, false, 'txn_manual', 'payout', 'payout', 'usd', -5000, 25, -5025, $2, $2, 'po_manual', 'po_manual'),
       ($1, false, 'txn_adjusted', 'adjustment', 'other_adjustment', 'usd', 700, 0, 700, $2, $2, null, null)`,
    [demoAccountId, between.end.replace('T06', 'T05')],
  )
  const stored = await query<
    Record<'id' | 'category' | 'currency' | 'amount' | 'fee' | 'net' | 'effective', string> &
      Record<'available' | 'payout' | 'swept_by' | 'method', string | null>
  >(
    `select bt.id, reporting_category as category, currency, amount::text, fee::text, net::text,
       extract(epoch from effective_at)::text as effective, extract(epoch from available_on)::text as available,
       payout_id as payout, automatic_payout_id as swept_by, ch.payment_method_type as method
     from balance_transactions bt
     left join charges ch on (ch.account_id, ch.livemode, ch.id) = (bt.account_id, bt.livemode, bt.charge_id)
     where bt.account_id = $1 and not bt.livemode`,
    [demoAccountId],
  )
  ledger = stored.map(({ amount, fee, net, effective, available, swept_by: sweptBy, ...row }) => ({
    ...row,
    sweptBy,
    amount: BigInt(amount),
    fee: BigInt(fee),
    net: BigInt(net),
    effective: Number(effective),
    available: available === null ? null : Number(available),
  }))
  const storedParts = await query<{ transaction: string; type: string; amount: string }>(
    `select balance_transaction_id as transaction, type, amount::text from fee_details
     where account_id = $1 and not livemode`,
    [demoAccountId],
  )
  parts = Map.groupBy(
    storedParts.map((part) => ({ ...part, amount: BigInt(part.amount) })),
    ({ transaction }) => transaction,
  )
})
afterAll(() => gateway[Symbol.asyncDispose]())

const timezone = 'Asia/Kolkata'
// From the middle of a day to the middle of another, in the timezone of the report.
const between = { start: '2026-08-31T09:30:00Z', end: '2026-09-12T06:00:00Z' }
const [start, end] = [between.start, between.end].map((text) => Date.parse(text) / 1000) as [number, number]

async function rowsOf(inputKey: string, more: object = {}): Promise<Record<string, string>[]> {
  return (await runReport(account, { [inputKey]: { interval: { between }, timezone, ...more } })).rows
}

function dayOf(seconds: number): string {
  return Temporal.Instant.fromEpochMilliseconds(seconds * 1000)
    .toZonedDateTimeISO(timezone)
    .toPlainDate()
    .toString()
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n)
}

function isBankTransfer({ category }: Transaction): boolean {
  return category === 'payout' || category === 'payout_reversal'
}

function within({ effective }: Transaction): boolean {
  return effective >= start && effective < end
}

describe('the daily balance', () => {
  /** Ends of the days of the interval, by date. */
  function ends(): [date: string, start: number, end: number][] {
    const days: [string, number, number][] = []
    for (let date = Temporal.PlainDate.from(dayOf(start)); ; date = date.add({ days: 1 })) {
      const midnights = [date, date.add({ days: 1 })].map(
        (one) => one.toZonedDateTime({ timeZone: timezone }).epochMilliseconds / 1000,
      )
      const [from = 0, until = 0] = midnights
      days.push([date.toString(), Math.max(from, start), Math.min(until, end)])
      if (until >= end) return days
    }
  }

  test('has a row for each day and currency, each with the sums of the ledger', async () => {
    const rows = await rowsOf('gatewayDailyBalance1')
    const days = ends()
    expect(days.length).toBe(13)
    const expected = currencies.flatMap((currency) =>
      days.map(([date, from, until]) => {
        const all = ledger.filter((row) => row.currency === currency)
        const changes = all.filter(({ effective }) => effective >= from && effective < until)
        const held = all.filter(({ effective }) => effective < until)
        const isFree = ({ available, effective }: Transaction) =>
          Math.max(available ?? effective, effective) < until
        const ending = sum(held.map(({ net }) => net))
        const available = sum(held.filter(isFree).map(({ net }) => net))
        return {
          date,
          currency,
          starting_balance: sum(all.filter(({ effective }) => effective < from).map(({ net }) => net)),
          activity: sum(changes.filter((row) => !isBankTransfer(row)).map(({ net }) => net)),
          payouts: sum(changes.filter(isBankTransfer).map(({ net }) => net)),
          ending_balance: ending,
          available,
          pending: ending - available,
        }
      }),
    )
    const read = rows.map(({ date = '', currency = '', ...amounts }) => ({
      date,
      currency,
      ...Object.fromEntries(Object.entries(amounts).map(([name, text]) => [name, minor(text, currency)])),
    }))
    expect(read).toEqual(expected)
    expect(expected.some(({ pending }) => pending !== 0n)).toBe(true)
  })
})

describe('the payouts with their breakdown', () => {
  test('have one row for each payout, and its parts add up to its amount', async () => {
    const rows = await rowsOf('gatewayPayoutBreakdown1')
    const payouts = ledger.filter((row) => row.category === 'payout' && within(row))
    expect(rows.map((row) => row.payout_id).sort()).toEqual(payouts.map(({ payout }) => payout).sort())
    expect(rows.length).toBeGreaterThan(10)
    for (const row of rows) {
      const currency = row.currency ?? ''
      const own = payouts.find(({ payout }) => payout === row.payout_id)
      const swept = ledger.filter(({ sweptBy }) => sweptBy === row.payout_id)
      const gross = (...categories: string[]) =>
        sum(swept.filter(({ category }) => categories.includes(category)).map(({ amount }) => amount))
      expect(minor(row.amount, currency)).toBe(-(own?.amount ?? 0n))
      if (swept.length === 0) {
        expect([row.count, row.charges, row.net]).toEqual(['', '', ''])
        continue
      }
      const feesAndTaxes = ['fee', 'network_cost', 'tax']
      const read = (name: string) => minor(row[name], currency)
      expect(Number(row.count)).toBe(swept.length)
      expect(read('charges')).toBe(gross('charge', 'charge_failure'))
      expect(read('refunds')).toBe(gross('refund', 'refund_failure', 'partial_capture_reversal'))
      expect(read('disputes')).toBe(gross('dispute', 'dispute_reversal'))
      expect(read('fees')).toBe(sum(swept.map(({ fee }) => fee)) - gross(...feesAndTaxes))
      expect(read('net')).toBe(
        read('charges') + read('refunds') + read('disputes') + read('other') - read('fees'),
      )
      expect(read('net')).toBe(read('amount'))
    }
    expect(rows.some((row) => row.count === '')).toBe(true)
  })
})

describe('the fees by type', () => {
  function readGroup(row: Record<string, string>) {
    const {
      currency = '',
      fee_type,
      is_billed_separately: isOwn,
      reporting_category,
      payment_method_type,
    } = row
    // A fee that was billed separately has no volume.
    expect(row.volume === '').toBe(isOwn === 'true')
    const volume = row.volume === '' ? 0n : minor(row.volume, currency)
    return [
      `${currency} ${fee_type} ${isOwn} ${reporting_category} ${payment_method_type}`,
      { count: Number(row.count), volume, fee: minor(row.fee, currency) },
    ] as const
  }

  /** The fees of a transaction by the row of the report in which they count. */
  function feesOf(row: Transaction): { key: string; volume: bigint; fee: bigint }[] {
    const place = `${row.category} ${row.method ?? ''}`
    const billed = ['fee', 'network_cost', 'tax'].includes(row.category)
      ? [{ key: `${row.currency} ${row.category} true ${place}`, volume: 0n, fee: -row.amount }]
      : []
    if (row.fee === 0n) return billed
    const ofTypes = Map.groupBy(
      parts.get(row.id) ?? [{ transaction: row.id, type: '', amount: row.fee }],
      ({ type }) => type,
    )
    const deducted = [...ofTypes].map(([type, some]) => ({
      key: `${row.currency} ${type} false ${place}`,
      volume: row.amount,
      fee: sum(some.map(({ amount }) => amount)),
    }))
    return [...billed, ...deducted]
  }

  test('sum the fees of the ledger by type, category and payment method', async () => {
    const rows = await rowsOf('gatewayFeesByType1')
    const groups = new Map<string, { count: number; volume: bigint; fee: bigint }>()
    for (const { key, volume, fee } of ledger.filter(within).flatMap(feesOf)) {
      const group = groups.get(key) ?? { count: 0, volume: 0n, fee: 0n }
      groups.set(key, { count: group.count + 1, volume: group.volume + volume, fee: group.fee + fee })
    }
    const read = rows.map(readGroup)
    expect(new Map(read)).toEqual(groups)
    expect(read.length).toBe(groups.size)
    expect(new Set(rows.map((row) => row.fee_type)).size).toBeGreaterThan(2)
  })
})

describe('the journal', () => {
  test('has balanced entries for each transaction, whose account balance follows the ledger', async () => {
    const rows = await rowsOf('gatewayJournal1')
    const entries = Map.groupBy(rows, (row) => row.entry_id ?? '')
    const changed = ledger.filter((row) => within(row) && (row.amount !== 0n || row.fee !== 0n))
    expect([...entries.keys()].sort()).toEqual(changed.map(({ id }) => id).sort())
    for (const row of changed) {
      const lines = entries.get(row.id) ?? []
      const signed = (line: Record<string, string>) =>
        line.debit === '' ? -minor(line.credit, row.currency) : minor(line.debit, row.currency)
      expect(lines.every((line) => (line.debit === '') !== (line.credit === ''))).toBe(true)
      expect(sum(lines.map(signed))).toBe(0n)
      const of = (name: string) => sum(lines.filter(({ account }) => account === name).map(signed))
      expect(of('balance')).toBe(row.net)
      const tax = sum(
        (parts.get(row.id) ?? []).filter(({ type }) => type === 'tax').map(({ amount }) => amount),
      )
      const expected: Record<string, bigint> = { balance: row.net, fees: row.fee - tax, fee_tax: tax }
      const account =
        {
          charge: 'charges',
          refund: 'refunds',
          refund_failure: 'refunds',
          dispute: 'disputes',
          dispute_reversal: 'disputes',
          fee: 'fees',
          network_cost: 'fees',
          tax: 'fee_tax',
          payout: 'bank',
          payout_reversal: 'bank',
          topup: 'bank',
        }[row.category] ?? row.category
      expected[account] = (expected[account] ?? 0n) - row.amount
      for (const [name, value] of Object.entries(expected))
        expect([row.id, name, of(name)]).toEqual([row.id, name, value])
      expect(lines.map(({ date }) => date)).toEqual(lines.map(() => dayOf(row.effective)))
    }
    expect(new Set(rows.map(({ account }) => account))).toEqual(
      new Set(['balance', 'fees', 'fee_tax', 'charges', 'refunds', 'disputes', 'bank', 'other_adjustment']),
    )
  })

  test('is empty for an interval without transactions in the currency', async () => {
    expect(await rowsOf('gatewayJournal1', { currency: 'chf' })).toEqual([])
  })
})
