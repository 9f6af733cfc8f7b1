import { defineReportType } from '../report-type.ts'
import { type Sql, sql } from '../sql.ts'
import { checkKnownPayouts } from '../stripe/known-payouts.ts'
import { amount, type Definition, defineColumns, local, text } from '../stripe/ledger-columns.ts'
import { changesBetween, ledgerAvailability, ledgerCondition, ledgerOrder } from '../stripe/ledger-rows.ts'
import { accountOf } from './accounts.ts'
import { gatewayParameters } from './parameters.ts'

const manual = 'empty for a manual payout, which includes no particular transactions'

function sum(what: string, value: Sql): Definition {
  return [
    `${what}, in major units; ${manual}.`,
    amount(sql`case when part.count > 0 then coalesce(${value}, 0) end`),
  ]
}

const breakdownColumns = defineColumns({
  payout_id: ['ID of the payout.', text`bt.payout_id`],
  effective_at: ["When the payout left the balance, in the report's timezone.", local`bt.effective_at`],
  payout_expected_arrival_date: [
    "Date on which the payout is expected to arrive at the bank, in the report's timezone.",
    local`po.arrival_date`,
  ],
  payout_status: ['Status of the payout: pending, in_transit, paid, canceled or failed.', text`po.status`],
  currency: ['Currency of the payout, as a lowercase ISO 4217 code.', text`bt.currency`],
  amount: ['Amount sent to the bank, in major units.', amount(sql`-bt.amount`)],
  count: [
    `Number of balance transactions in the payout; ${manual}.`,
    { kind: 'integer', sql: sql`part.count` },
  ],
  charges: sum('Gross amount of the charges', sql`part.charges`),
  refunds: sum('Gross amount of the refunds, negative when money was returned', sql`part.refunds`),
  disputes: sum('Gross amount of the disputes and their reversals', sql`part.disputes`),
  other: sum('Gross amount of everything else', sql`part.other`),
  fees: sum('Fees and the taxes on them, positive when charged', sql`part.fees`),
  net: [
    `Charges, refunds, disputes and other, minus fees, in major units: the amount of the payout; ${manual}.`,
    amount(sql`part.net`),
  ],
  payout_type: ['Type of the destination: bank_account or card.', text`po.type`, false],
  payout_description: ['Description of the payout.', text`po.description`, false],
  payout_destination_id: ['ID of the destination bank account or card.', text`po.destination_id`, false],
  payout_reversed_at: [
    "When the payout was canceled or failed, in the report's timezone.",
    local`po.reversed_at`,
    false,
  ],
  trace_id: ['Trace ID of the payout: the reference that the bank assigned.', text`po.trace_id`, false],
  balance_transaction_id: ['ID of the balance transaction of the payout.', text`bt.id`, false],
})

/** The sums of the transactions that the payout `bt` includes; null when it includes none. */
const included = sql`(
  select nullif(count(*), 0) as count, sum(net) as net, sum(gross) filter (where account = 'charges') as charges,
    sum(gross) filter (where account = 'refunds') as refunds, sum(gross) filter (where account = 'disputes') as disputes,
    sum(gross) filter (where account not in ('charges', 'refunds', 'disputes', 'fees', 'fee_tax')) as other,
    sum(fee) - coalesce(sum(gross) filter (where account in ('fees', 'fee_tax')), 0) as fees
  from (
    select one.net, one.fee, one.amount as gross, ${accountOf(sql`one.reporting_category`)} as account
    from balance_transactions one
    where (one.account_id, one.livemode, one.automatic_payout_id) = (bt.account_id, bt.livemode, bt.payout_id)
  ) as part
)`

export const payoutBreakdown = defineReportType({
  name: 'gateway.payout_breakdown.1',
  title: 'Payouts with their breakdown',
  description:
    'All payouts that left the balance in the interval, one per row, each with the sums of the transactions that it includes.',
  parameters: gatewayParameters,
  columns: breakdownColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  check: (prisma, scope, { interval_end }) => checkKnownPayouts(prisma, scope, interval_end, 'interval_end'),
  source: (scope, parameters) => ({
    from: sql`balance_transactions bt
left join payouts po on (po.account_id, po.livemode, po.id) = (bt.account_id, bt.livemode, bt.payout_id)
cross join lateral ${included} as part
where ${ledgerCondition(scope, sql`${changesBetween(parameters)} and bt.reporting_category = 'payout'`, parameters)}`,
    orderBy: ledgerOrder,
  }),
})
