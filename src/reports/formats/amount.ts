import { type Sql, sql } from '../sql.ts'

// The currencies whose minor unit is, to Stripe, the unit itself or a thousandth of it; of all others it is a hundredth,
// also of isk and ugx, which have no smaller coin.
const withoutDecimals = sql`'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'`
const withThreeDecimals = sql`'bhd', 'jod', 'kwd', 'omr', 'tnd'`

/** An amount in minor units as text in major units, with as many decimals as its currency has. */
// Multiplied, not divided: numeric multiplication keeps exactly the factor's decimals.
export const amountText = (amount: Sql, currency: Sql): Sql => sql`(${amount} * case
  when ${currency} in (${withoutDecimals}) then 1
  when ${currency} in (${withThreeDecimals}) then 0.001
  else 0.01 end)::text`
