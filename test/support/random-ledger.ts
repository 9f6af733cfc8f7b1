import fc from 'fast-check'
import type pg from 'pg'
import { renderReport } from '../../src/reports/render.ts'
import { builtInType } from './built-in-type.ts'

/** A balance transaction of a ledger of a few rows, in seconds and minor units. */
export type RandomRow = {
  id: string
  category: string
  currency: string
  amount: number
  fee: number
  effective: number
  available: number | null
  payout: string | null
  sweptBy: string | null
}

const day = 86_400
const start = Date.parse('2026-01-27T00:00:00Z') / 1000
const payoutId = fc.constantFrom('po_1', 'po_2', 'po_3')

/** A time of a few days around the ends of two months, often at midnight in UTC or in another timezone. */
export const randomTime = fc
  .tuple(fc.constantFrom(0, 4, 5, 33), fc.constantFrom(0, 1, 8 * 3600, 18.5 * 3600, day - 1))
  .map(([days, seconds]) => start + days * day + seconds)

export const randomRow: fc.Arbitrary<RandomRow> = fc
  .record({
    id: fc.integer({ max: 15, min: 1 }).map((n) => `txn_${n}`),
    category: fc.constantFrom('charge', 'refund', 'payout', 'payout', 'payout_reversal'),
    currency: fc.constantFrom('usd', 'usd', 'jpy'),
    amount: fc.integer({ max: 900, min: -900 }),
    fee: fc.integer({ max: 9, min: 0 }),
    effective: randomTime,
    delay: fc.constantFrom(null, -day, 0, 2 * day, 40 * day),
    payout: fc.option(payoutId),
    sweptBy: fc.option(payoutId, { freq: 2 }),
  })
  .map(({ delay, payout, ...row }) => ({
    ...row,
    available: delay === null ? null : row.effective + delay,
    payout: row.category.startsWith('payout') ? payout : null,
  }))

/** Inserts rows in one statement, or replaces those with the same ids. */
export async function putRows(
  client: pg.Client,
  accountId: string,
  rows: readonly RandomRow[],
): Promise<void> {
  const byId = new Map(rows.map((row) => [row.id, row]))
  await client.query(
    `insert into balance_transactions (account_id, livemode, id, reporting_category, currency, amount, fee, net, created,
       available_on, effective_at, payout_id, automatic_payout_id)
     select $1, false, id, category, currency, amount, fee, amount - fee, to_timestamp(effective), to_timestamp(available),
       to_timestamp(effective), payout, "sweptBy"
     from jsonb_to_recordset($2) as row (id text, category text, currency text, amount bigint, fee bigint,
       effective bigint, available bigint, payout text, "sweptBy" text)
     on conflict (account_id, livemode, id) do update
     set (reporting_category, currency, amount, fee, net, created, available_on, effective_at, payout_id, automatic_payout_id)
       = row (excluded.reporting_category, excluded.currency, excluded.amount, excluded.fee, excluded.net, excluded.created,
         excluded.available_on, excluded.effective_at, excluded.payout_id, excluded.automatic_payout_id)`,
    [accountId, JSON.stringify([...byId.values()])],
  )
}

/** Reads the rows of a report from the database, without a run. */
export async function readReport(
  client: pg.Client,
  type: string,
  accountId: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Record<string, string>[]> {
  const report = renderReport(builtInType(type), { accountId, livemode: false }, parameters)
  const [, query] = /^copy \((.*)\) to stdout \(/s.exec(report.copyText.CSV) ?? []
  const { rows } = await client.query<string[]>({
    text: query ?? '',
    rowMode: 'array',
    // As COPY writes them.
    types: { getTypeParser: () => String },
  })
  return rows.map((row) => Object.fromEntries(row.map((value, i) => [report.columns[i]?.name ?? '', value])))
}
