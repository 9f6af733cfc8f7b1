import { defineReportType } from '../report-type.ts'
import { sql } from '../sql.ts'
import { amount, defineColumns, text } from '../stripe/ledger-columns.ts'
import { changesBetween, ledgerAvailability, ledgerCondition, ledgerOrder } from '../stripe/ledger-rows.ts'
import { clockTime } from '../timezone.ts'
import { accountOf } from './accounts.ts'
import { gatewayParameters } from './parameters.ts'

const journalColumns = defineColumns({
  date: ["Date of the entry, in the report's timezone.", { kind: 'date', sql: sql`line.date` }],
  entry_id: ['ID of the entry: that of its balance transaction.', text`bt.id`],
  line: ['Number of the line in its entry.', { kind: 'integer', sql: sql`line.number` }],
  account: [
    'Account of the line: balance, bank, charges, refunds, disputes, fees, fee_tax, or the reporting category if it has no account among these.',
    text`line.account`,
  ],
  debit: [
    'Amount debited, in major units; empty when the line is a credit.',
    amount(sql`case when line.debit > 0 then line.debit end`),
  ],
  credit: [
    'Amount credited, in major units; empty when the line is a debit.',
    amount(sql`case when line.debit < 0 then -line.debit end`),
  ],
  currency: ['Settlement currency, as a lowercase ISO 4217 code.', text`bt.currency`],
  reporting_category: ['Reporting category of the balance transaction.', text`bt.reporting_category`],
  source_id: [
    'ID of the object behind the balance transaction, such as a charge, refund, dispute or payout.',
    text`bt.source_id`,
  ],
  description: ['Description of the balance transaction.', text`bt.description`],
  charge_id: ['ID of the original charge.', text`bt.charge_id`, false],
  automatic_payout_id: [
    'ID of the automatic payout that includes the balance transaction.',
    text`bt.automatic_payout_id`,
    false,
  ],
})

/** The tax in the fee of `bt`; zero when the ledger does not separate it. */
const feeTax = sql`(
  select coalesce(sum(part.amount), 0) from fee_details part
  where (part.account_id, part.livemode, part.balance_transaction_id) = (bt.account_id, bt.livemode, bt.id)
    and part.type = 'tax'
)`

export const journal = defineReportType({
  name: 'gateway.journal.1',
  title: 'Double-entry journal',
  description:
    'A journal entry for each balance transaction, one line per row, in the order in which the balance changed. The debits of an entry equal its credits. The lines of the account balance add up to the change of the balance.',
  parameters: gatewayParameters,
  columns: journalColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, parameters) => ({
    // A debit is positive and a credit is negative. The amount is net + fee, so the lines of an entry add up to zero.
    from: sql`balance_transactions bt
cross join lateral (select case when bt.fee = 0 then 0 else ${feeTax} end as amount) as tax
cross join lateral (
  select ${clockTime(sql`bt.effective_at`, parameters.timezone)}::date as date, entry.*
  from (values
    (1, 'balance', bt.net),
    (2, 'fees', bt.fee - tax.amount),
    (3, 'fee_tax', tax.amount),
    (4, ${accountOf(sql`bt.reporting_category`)}, -bt.amount)
  ) as entry (number, account, debit)
  where entry.debit <> 0
) as line
where ${ledgerCondition(scope, changesBetween(parameters), parameters)}`,
    orderBy: sql`${ledgerOrder}, line.number`,
  }),
})
