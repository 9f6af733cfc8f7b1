import type { ChosenColumn } from './column.ts'
import { chooseColumn, columnText } from './column.ts'
import type { AcceptedParameters, AnyReportType, OwnLimits, ReportScope } from './report-type.ts'
import { joinSql, literalText, noSql, sql } from './sql.ts'

/** A report ready to run: SQL texts without parameters, and what goes before the rows. */
export type RenderedReport = {
  /** Gives one row with one column, the number of rows expected; with a limit of rows, at most one more than that. */
  countText: string
  /** A COPY to STDOUT that writes the rows as CSV, without the header. */
  copyText: string
  /** First line of the file, quoted as every value is. */
  header: string
  columns: readonly ChosenColumn[]
  /** Of a report of the operator's own; null for all others. */
  limits: OwnLimits | null
}

const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`

/**
 * Turns a type and parameters that it accepted into SQL. CSV as Stripe writes it: every name and value in double
 * quotes, nothing at all for null, LF at the end of lines.
 */
export const renderReport = (
  type: AnyReportType,
  scope: ReportScope,
  parameters: AcceptedParameters,
): RenderedReport => {
  const names = parameters.columns ?? type.columns.map(({ name }) => name)
  const columns = [names].flat().map((name) => {
    const column = chooseColumn(type.columns, name)
    if (!column) throw new Error(`${type.name} has no column "${name}".`)
    return column
  })
  const { timezone = 'Etc/UTC', decimal_separator: decimalSeparator = '.' } = parameters
  const format = { timezone: String(timezone), decimalSeparator: String(decimalSeparator) }
  const expressions = columns.map((column) => columnText(column, format))
  const { from, orderBy } = type.source(scope, parameters)
  const order = orderBy ? sql` order by ${orderBy}` : noSql
  const rows = literalText(sql`select ${joinSql(expressions)} from ${from}${order}`)
  const counted = literalText(from)
  const { own: limits = null } = type
  return {
    countText: limits
      ? `select count(*) as rows from (select from ${counted} limit ${limits.rows + 1}) as counted`
      : `select count(*) as rows from ${counted}`,
    copyText: `copy (${rows}${limits ? ` limit ${limits.rows}` : ''}) to stdout (format csv, force_quote *)`,
    header: `${columns.map((column) => quoted(column.requestedName)).join(',')}\n`,
    columns,
    limits,
  }
}
