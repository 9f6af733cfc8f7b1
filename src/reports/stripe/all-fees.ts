import { columns, currency, interval, timezone } from '../parameters.ts'
import { defineReportType } from '../report-type.ts'
import { type Sql, sql } from '../sql.ts'
import { amount, type Definition, defineColumns, local, text } from './ledger-columns.ts'
import { changesBetween, ledgerAvailability, ledgerCondition, ledgerOrder } from './ledger-rows.ts'

/**
 * The fees of balance transactions `bt`, one per row: fees deducted from a transaction, split into the ledger's fee
 * details if it has them, and separate fee transactions, whose gross amount is the fee.
 */
export const feeRows: Sql = sql`balance_transactions bt
cross join lateral (
  select -1 as position, true as is_own, bt.reporting_category as type, bt.description, -bt.amount as amount,
    case when bt.reporting_category = 'tax' then -bt.amount end as tax
  where bt.reporting_category in ('fee', 'network_cost', 'tax')
  union all
  select coalesce(part.position, 0), false, part.type, part.description, coalesce(part.amount, bt.fee),
    case when part.type = 'tax' then part.amount when part.type is not null then 0 end
  from (select where bt.fee <> 0) as taken
  left join fee_details part on (part.account_id, part.livemode, part.balance_transaction_id)
    = (bt.account_id, bt.livemode, bt.id)
) as fee`

/** A Stripe column without data in the ledger. */
function emptyColumn(description: string, kind: 'text' | 'integer' = 'text'): Definition {
  const value = { kind, sql: sql([`null::${kind}`]) }
  return [`${description} Always empty, because the ledger does not contain it.`, value, false]
}

const feeColumns = defineColumns({
  balance_transaction_created: [
    "When the balance transaction that contains the fee was created, in the report's timezone.",
    local`bt.created`,
  ],
  balance_transaction_id: ['ID of the balance transaction that contains the fee.', text`bt.id`],
  fee_transaction_created: [
    "When the separate balance transaction of the fee was created, in the report's timezone; empty when the fee was deducted from another transaction.",
    local`case when fee.is_own then bt.created end`,
  ],
  fee_transaction_id: [
    'ID of the separate balance transaction of the fee; empty when the fee was deducted from another transaction.',
    text`case when fee.is_own then bt.id end`,
  ],
  incurred_at: [
    "When the activity that incurred the fee took place, in the report's timezone; empty when the fee was billed separately.",
    local`case when not fee.is_own then bt.created end`,
  ],
  incurred_by: [
    'ID of the object that incurred the fee, such as a charge, refund, dispute or payout.',
    text`bt.source_id`,
  ],
  incurred_by_type: [
    'Type of the object that incurred the fee: charge, refund, dispute or payout; empty for other types.',
    text`case
    when bt.reporting_category = 'charge' then 'charge'
    when bt.reporting_category in ('refund', 'refund_failure') then 'refund'
    when bt.reporting_category in ('dispute', 'dispute_reversal') then 'dispute'
    when bt.reporting_category in ('payout', 'payout_reversal') then 'payout'
  end`,
  ],
  fee_description: ['Description of the fee.', text`fee.description`],
  amount: [
    'Amount of the fee including tax, in major units; positive when charged.',
    amount(sql`fee.amount`),
  ],
  tax: [
    'Tax included in the amount, in major units; empty when the ledger does not separate it.',
    amount(sql`fee.tax`),
  ],
  currency: ['Settlement currency, as a lowercase ISO 4217 code.', text`bt.currency`],
  product: emptyColumn('Product that the fee is for.'),
  feature_name: emptyColumn('Feature of the product.'),
  pricing_tier: emptyColumn('Pricing tier of the fee.', 'integer'),
  settled_at: ["When the fee left the balance, in the report's timezone.", local`bt.effective_at`],
  settled_via: emptyColumn('How the fee was paid.'),
  suite: emptyColumn('Product suite that the fee is for.'),
  fee_category: emptyColumn('Category of the fee.'),
})

export const allFeesItemized = defineReportType({
  name: 'all_fees.balance_transaction_created.itemized.2',
  title: 'Itemized fees',
  description:
    'All fees taken from the balance and the tax on them, one per row, in the order in which they were taken.',
  parameters: { ...interval, ...timezone, ...currency, ...columns },
  columns: feeColumns,
  requiresLiveMode: true,
  availability: ledgerAvailability,
  source: (scope, parameters) => ({
    from: sql`${feeRows} where ${ledgerCondition(scope, changesBetween(parameters), parameters)}`,
    orderBy: sql`${ledgerOrder}, fee.position`,
  }),
})
