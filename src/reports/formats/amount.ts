import { currenciesWithoutDecimals, currenciesWithThreeDecimals } from '../../ledger/minor-units.ts'
import { joinSql, type Sql, sql } from '../sql.ts'

const withoutDecimals = joinSql(currenciesWithoutDecimals)
const withThreeDecimals = joinSql(currenciesWithThreeDecimals)

/** An amount in minor units as text in major units, with as many decimals as its currency has. */
// Multiplied, not divided: numeric multiplication keeps exactly the factor's decimals.
export function amountText(amount: Sql, currency: Sql): Sql {
  return sql`(${amount} * case
  when ${currency} in (${withoutDecimals}) then 1
  when ${currency} in (${withThreeDecimals}) then 0.001
  else 0.01 end)::text`
}
