import { activity, fees, held, payouts, swept } from './documented-columns.ts'

/** The public interface of a report type. */
export type DocumentedType = {
  name: string
  /** Its key in a report input. */
  inputKey: string
  parameters: string[]
  required: string[]
  columns: string[]
  defaults: string[]
  /** Name of the version that has taken its place. */
  replacedBy: string | null
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

type Row = [
  name: string,
  inputKey: string,
  parameters: string,
  required: string,
  columns: string,
  defaults: string,
  replacedBy?: string,
]

function documented([name, inputKey, parameters, required, columns, defaults, by = '']: Row): DocumentedType {
  return {
    name,
    inputKey,
    parameters: words(parameters),
    required: words(required),
    columns: words(columns),
    defaults: words(defaults),
    replacedBy: by || null,
  }
}

const summary = 'reporting_category currency count gross fee net'

const activityUtc = `balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category
  description`
const activityLocal = `balance_transaction_id created available_on currency gross fee net reporting_category
  description`
const reconciliationUtc = `automatic_payout_id automatic_payout_effective_at ${activityUtc}`
const reconciliationLocal = `automatic_payout_id automatic_payout_effective_at ${activityLocal}`

const intervalUtc = 'columns currency decimal_separator interval_end interval_start reporting_category'
const intervalLocal = `${intervalUtc} timezone`
const bothEnds = 'interval_start interval_end'

const gatewayParameters = 'columns currency decimal_separator interval_end interval_start timezone'
const dailyBalance = 'date currency starting_balance activity payouts ending_balance available pending'
const breakdown = `payout_id effective_at payout_expected_arrival_date payout_status currency amount count charges
  refunds disputes other fees net`
const feesByType = `currency fee_type is_billed_separately reporting_category payment_method_type count volume fee`
const journal = `date entry_id line account debit credit currency reporting_category source_id description`

const rows: Row[] = [
  [
    'balance.summary.1',
    'balanceSummary1',
    'columns currency interval_end interval_start timezone',
    bothEnds,
    'category description net_amount currency',
    'category description net_amount currency',
  ],
  [
    'balance_change_from_activity.summary.1',
    'balanceChangeFromActivitySummary1',
    'columns currency interval_end interval_start timezone',
    bothEnds,
    summary,
    summary,
  ],
  [
    'balance_change_from_activity.itemized.1',
    'balanceChangeFromActivityItemized1',
    intervalUtc,
    bothEnds,
    activity[1],
    activityUtc,
    'balance_change_from_activity.itemized.3',
  ],
  [
    'balance_change_from_activity.itemized.2',
    'balanceChangeFromActivityItemized2',
    intervalUtc,
    bothEnds,
    activity[2],
    activityUtc,
    'balance_change_from_activity.itemized.3',
  ],
  [
    'balance_change_from_activity.itemized.3',
    'balanceChangeFromActivityItemized3',
    intervalLocal,
    bothEnds,
    activity[3],
    activityLocal,
  ],
  [
    'payouts.summary.1',
    'payoutsSummary1',
    'columns currency interval_end interval_start timezone',
    bothEnds,
    summary,
    summary,
  ],
  [
    'payouts.itemized.1',
    'payoutsItemized1',
    intervalUtc,
    bothEnds,
    payouts[1],
    `payout_id effective_at_utc currency gross fee net reporting_category balance_transaction_id description
      payout_expected_arrival_date payout_status`,
    'payouts.itemized.3',
  ],
  [
    'payouts.itemized.2',
    'payoutsItemized2',
    intervalUtc,
    bothEnds,
    payouts[2],
    `payout_id effective_at_utc currency gross fee net reporting_category balance_transaction_id description
      payout_expected_arrival_date payout_status`,
    'payouts.itemized.3',
  ],
  [
    'payouts.itemized.3',
    'payoutsItemized3',
    intervalLocal,
    bothEnds,
    payouts[3],
    `payout_id effective_at currency gross fee net reporting_category balance_transaction_id description
      payout_expected_arrival_date payout_status`,
  ],
  [
    'payout_reconciliation.summary.1',
    'payoutReconciliationSummary1',
    'columns currency interval_end interval_start timezone',
    bothEnds,
    summary,
    summary,
  ],
  ...([1, 2, 3] as const).map(
    (version): Row => [
      `payout_reconciliation.itemized.${version}`,
      `payoutReconciliationItemized${version}`,
      intervalUtc,
      bothEnds,
      swept[version],
      reconciliationUtc,
      'payout_reconciliation.itemized.5',
    ],
  ),
  [
    'payout_reconciliation.itemized.4',
    'payoutReconciliationItemized4',
    intervalLocal,
    bothEnds,
    swept[4],
    reconciliationLocal,
    'payout_reconciliation.itemized.5',
  ],
  [
    'payout_reconciliation.itemized.5',
    'payoutReconciliationItemized5',
    intervalLocal,
    bothEnds,
    swept[5],
    reconciliationLocal,
  ],
  [
    'payout_reconciliation.by_id.summary.1',
    'payoutReconciliationByIdSummary1',
    'columns payout',
    'payout',
    summary,
    summary,
  ],
  ...([1, 2, 3] as const).map(
    (version): Row => [
      `payout_reconciliation.by_id.itemized.${version}`,
      `payoutReconciliationByIdItemized${version}`,
      'columns decimal_separator payout reporting_category',
      'payout',
      swept[version],
      reconciliationUtc,
      'payout_reconciliation.by_id.itemized.4',
    ],
  ),
  [
    'payout_reconciliation.by_id.itemized.4',
    'payoutReconciliationByIdItemized4',
    'columns decimal_separator payout reporting_category timezone',
    'payout',
    swept[5],
    reconciliationLocal,
  ],
  [
    'ending_balance_reconciliation.summary.1',
    'endingBalanceReconciliationSummary1',
    'columns currency interval_end timezone',
    'interval_end',
    summary,
    summary,
  ],
  [
    'ending_balance_reconciliation.itemized.1',
    'endingBalanceReconciliationItemized1',
    'columns currency interval_end reporting_category',
    'interval_end',
    held[1],
    reconciliationUtc,
    'ending_balance_reconciliation.itemized.4',
  ],
  [
    'ending_balance_reconciliation.itemized.2',
    'endingBalanceReconciliationItemized2',
    'columns currency interval_end reporting_category',
    'interval_end',
    held[2],
    reconciliationUtc,
    'ending_balance_reconciliation.itemized.4',
  ],
  [
    'ending_balance_reconciliation.itemized.3',
    'endingBalanceReconciliationItemized3',
    'columns currency interval_end reporting_category timezone',
    'interval_end',
    held[3],
    reconciliationLocal,
    'ending_balance_reconciliation.itemized.4',
  ],
  [
    'ending_balance_reconciliation.itemized.4',
    'endingBalanceReconciliationItemized4',
    'columns currency decimal_separator interval_end reporting_category timezone',
    'interval_end',
    held[4],
    reconciliationLocal,
  ],
  [
    'all_fees.balance_transaction_created.itemized.2',
    'allFeesBalanceTransactionCreatedItemized2',
    'columns currency interval_end interval_start timezone',
    bothEnds,
    fees,
    `balance_transaction_created balance_transaction_id fee_transaction_created fee_transaction_id incurred_at
      incurred_by incurred_by_type fee_description amount tax currency settled_at`,
  ],
  [
    'gateway.daily_balance.1',
    'gatewayDailyBalance1',
    gatewayParameters,
    bothEnds,
    dailyBalance,
    dailyBalance,
  ],
  [
    'gateway.payout_breakdown.1',
    'gatewayPayoutBreakdown1',
    gatewayParameters,
    bothEnds,
    `${breakdown} payout_type payout_description payout_destination_id payout_reversed_at trace_id
      balance_transaction_id`,
    breakdown,
  ],
  ['gateway.fees_by_type.1', 'gatewayFeesByType1', gatewayParameters, bothEnds, feesByType, feesByType],
  [
    'gateway.journal.1',
    'gatewayJournal1',
    gatewayParameters,
    bothEnds,
    `${journal} charge_id automatic_payout_id`,
    journal,
  ],
]

/** Each type as Stripe documents it, or as our documentation does, typed in by hand and not from the code. */
export const documentedTypes: readonly DocumentedType[] = rows.map(documented)
