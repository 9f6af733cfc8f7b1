import { columns, currency, interval, timezone } from '../parameters.ts'
import { defineReportType } from '../report-type.ts'
import { type Sql, sql } from '../sql.ts'
import { amount, type Definition, defineColumns, local, text } from './ledger-columns.ts'
import { changesBetween, ledgerAvailability, ledgerCondition, ledgerOrder } from './ledger-rows.ts'

/**
 * The fees of balance transactions `bt`, one a row: what was taken from a transaction, in the parts that the ledger has
 * (as a whole where it has none), and transactions that are nothing but a fee, whose gross is the fee.
 */
const feeRows: Sql = sql`balance_transactions bt
cross join lateral (
  select -1 as position, true as is_own, bt.description, -bt.amount as amount,
    case when bt.reporting_category = 'tax' then -bt.amount end as tax
  where bt.reporting_category in ('fee', 'network_cost', 'tax')
  union all
  select coalesce(part.position, 0), false, part.description, coalesce(part.amount, bt.fee),
    case when part.type = 'tax' then part.amount when part.type is not null then 0 end
  from (select where bt.fee <> 0) as taken
  left join fee_details part on (part.account_id, part.livemode, part.balance_transaction_id)
    = (bt.account_id, bt.livemode, bt.id)
) as fee`

/** A column of Stripe's for which a ledger has no data. */
function emptyColumn(description: string, kind: 'text' | 'integer' = 'text'): Definition {
  const value = { kind, sql: sql([`null::${kind}`]) }
  return [`${description} Always empty: a ledger does not tell.`, value, false]
}

const feeColumns = defineColumns({
  balance_transaction_created: [
    "When the balance transaction was created with which the fee was taken, in the report's timezone.",
    local`bt.created`,
  ],
  balance_transaction_id: ['Id of that balance transaction.', text`bt.id`],
  fee_transaction_created: [
    "When the fee's own balance transaction was created, in the report's timezone; empty when the fee was taken from the amount of another.",
    local`case when fee.is_own then bt.created end`,
  ],
  fee_transaction_id: [
    "Id of the fee's own balance transaction; empty when the fee was taken from the amount of another.",
    text`case when fee.is_own then bt.id end`,
  ],
  incurred_at: [
    "When that which costs the fee was done, in the report's timezone; empty when the fee was billed by itself.",
    local`case when not fee.is_own then bt.created end`,
  ],
  incurred_by: [
    'Id of what costs the fee, a charge, refund, dispute or payout for example.',
    text`bt.source_id`,
  ],
  incurred_by_type: [
    'What that is: charge, refund, dispute or payout; empty when it is anything else.',
    text`case
    when bt.reporting_category = 'charge' then 'charge'
    when bt.reporting_category in ('refund', 'refund_failure') then 'refund'
    when bt.reporting_category in ('dispute', 'dispute_reversal') then 'dispute'
    when bt.reporting_category in ('payout', 'payout_reversal') then 'payout'
  end`,
  ],
  fee_description: ['What the fee is for.', text`fee.description`],
  amount: [
    'Amount of the fee with the tax on it, in major units; positive when charged.',
    amount(sql`fee.amount`),
  ],
  tax: [
    'Tax in that amount, in major units; empty when the ledger does not tell the two apart.',
    amount(sql`fee.tax`),
  ],
  currency: ['Settlement currency, in lower case.', text`bt.currency`],
  product: emptyColumn('Product that the fee is for.'),
  feature_name: emptyColumn('Feature of that product.'),
  pricing_tier: emptyColumn('Tier of its price.', 'integer'),
  settled_at: ["When the fee left the balance, in the report's timezone.", local`bt.effective_at`],
  settled_via: emptyColumn('What the fee was paid from.'),
  suite: emptyColumn('Suite of products that the fee is for.'),
  fee_category: emptyColumn('Kind of fee.'),
})

export const allFeesItemized = defineReportType({
  name: 'all_fees.balance_transaction_created.itemized.2',
  title: 'Itemized fees',
  description:
    'Every fee that was taken from the balance, one a row, with the tax on fees, in the order in which they were taken.',
  parameters: { ...interval, ...timezone, ...currency, ...columns },
  columns: feeColumns,
  requiresLiveMode: true,
  availability: ledgerAvailability,
  source: (scope, parameters) => ({
    from: sql`${feeRows} where ${ledgerCondition(scope, changesBetween(parameters), parameters)}`,
    orderBy: sql`${ledgerOrder}, fee.position`,
  }),
})
