import { type Sql, sql } from '../sql.ts'

/**
 * The account of a double-entry ledger for the gross amount of a balance transaction, by its reporting category. A category
 * that fits none of these accounts, such as `transfer`, is an account itself.
 */
export function accountOf(category: Sql): Sql {
  return sql`case
    when ${category} in ('charge', 'charge_failure') then 'charges'
    when ${category} in ('refund', 'refund_failure', 'partial_capture_reversal') then 'refunds'
    when ${category} in ('dispute', 'dispute_reversal') then 'disputes'
    when ${category} in ('fee', 'network_cost') then 'fees'
    when ${category} = 'tax' then 'fee_tax'
    when ${category} in ('payout', 'payout_reversal', 'topup', 'topup_reversal') then 'bank'
    else ${category}
  end`
}
