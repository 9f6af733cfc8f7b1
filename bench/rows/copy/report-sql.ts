import { renderReport } from '../../../src/reports/render.ts'
import { builtInType } from '../../../test/support/built-in-type.ts'
import type { Ledger } from '../../framework/fill-ledger.ts'

const type = builtInType('balance_change_from_activity.itemized.3')

/** The input of a run that writes the whole ledger. */
export function wholeLedger({ start, end }: Ledger, format: string, compression = 'NONE'): object {
  const between = { start: start.toISOString(), end: end.toISOString() }
  return {
    report: { balanceChangeFromActivityItemized3: { interval: { between } } },
    output: { formats: [format], compression },
  }
}

/** The COPY statement of that run, and the header of its file, so that psql can write the same bytes. */
export function copyStatement(accountId: string, { start, end }: Ledger): { copy: string; header: string } {
  const { copyText, header } = renderReport(
    type,
    { accountId, livemode: false },
    {
      interval_start: start.toISOString(),
      interval_end: end.toISOString(),
      timezone: 'Etc/UTC',
      columns: type.columns.flatMap(({ name, isDefault }) => (isDefault ? [name] : [])),
    },
  )
  return { copy: copyText.CSV, header }
}

/** The same columns as plain SQL: without the guard against formulas, and with amounts in minor units. */
export function plainSelect(accountId: string): string {
  return `select id as balance_transaction_id, created, available_on, currency, amount as gross, fee, net, reporting_category, description
    from balance_transactions where account_id = '${accountId}' and not livemode order by effective_at, id`
}
