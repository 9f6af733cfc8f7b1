import { defineReportType } from '../report-type.ts'
import { sql } from '../sql.ts'
import { feeRows } from '../stripe/all-fees.ts'
import { amount, defineColumns, text } from '../stripe/ledger-columns.ts'
import { changesBetween, ledgerAvailability, ledgerCondition } from '../stripe/ledger-rows.ts'
import { gatewayParameters } from './parameters.ts'

const currency = sql`line.currency`

const feeColumns = defineColumns({
  currency: ['Settlement currency, as a lowercase ISO 4217 code.', text`${currency}`],
  fee_type: [
    'Type of the fee: stripe_fee, application_fee, payment_method_passthrough_fee, tax or withheld_tax when it was deducted from a transaction; fee, network_cost or tax when it was billed separately; empty when the ledger does not contain the type.',
    text`line.fee_type`,
  ],
  is_billed_separately: [
    'True when the fee is a balance transaction of its own; false when it was deducted from another transaction.',
    { kind: 'boolean', sql: sql`line.is_own` },
  ],
  reporting_category: [
    'Reporting category of the transactions that contain the fees.',
    text`line.reporting_category`,
  ],
  payment_method_type: [
    'Type of the payment method of the original charge; empty without one.',
    text`line.payment_method_type`,
  ],
  count: [
    'Number of balance transactions that contain such a fee.',
    { kind: 'integer', sql: sql`line.count` },
  ],
  volume: [
    'Sum of the gross amounts of these transactions, in major units; empty when the fees were billed separately.',
    amount(sql`line.volume`, currency),
  ],
  fee: ['Sum of the fees, in major units; positive when charged.', amount(sql`line.fee`, currency)],
})

export const feesByType = defineReportType({
  name: 'gateway.fees_by_type.1',
  title: 'Fees by type and payment method',
  description:
    'The fees taken from the balance and the tax on them, summed by currency, type of fee, reporting category and payment method. All rows of a currency add up to its fees.',
  parameters: gatewayParameters,
  columns: feeColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, parameters) => ({
    // A transaction can have several fees of one type, so the inner query counts it once.
    from: sql`(
  select currency, fee_type, is_own, reporting_category, payment_method_type, count(*) as count,
    case when not is_own then sum(gross) end as volume, sum(fee) as fee
  from (
    select bt.id, bt.currency, fee.type as fee_type, fee.is_own, bt.reporting_category, ch.payment_method_type,
      min(bt.amount) as gross, sum(fee.amount) as fee
    from ${feeRows}
    left join charges ch on (ch.account_id, ch.livemode, ch.id) = (bt.account_id, bt.livemode, bt.charge_id)
    where ${ledgerCondition(scope, changesBetween(parameters), parameters)}
    group by bt.id, bt.currency, fee.type, fee.is_own, bt.reporting_category, ch.payment_method_type
  ) as taken
  group by currency, fee_type, is_own, reporting_category, payment_method_type
) as line`,
    orderBy: sql`line.currency collate "C", line.is_own, line.fee_type collate "C", line.reporting_category collate "C",
  line.payment_method_type collate "C"`,
  }),
})
