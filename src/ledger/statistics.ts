import type pg from 'pg'

// Statistics of the columns by which reports join and filter; those of the JSON columns would take most of the time.
const analyze = `
  analyze
    balance_transactions (account_id, livemode, id, reporting_category, currency, created, effective_at, charge_id,
      payout_id, automatic_payout_id),
    charges (account_id, livemode, id, created, customer_id),
    payouts (account_id, livemode, id, currency, created, effective_at, is_automatic),
    customers (account_id, livemode, id),
    fee_details (account_id, livemode, balance_transaction_id)`

/** Refreshes the planner's statistics, so that the next report is planned for the rows that are there. */
export async function refreshStatistics(client: pg.ClientBase): Promise<void> {
  await client.query(analyze)
}
