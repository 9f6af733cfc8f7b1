import type { ReportFormat } from '../postgres/generated/prisma/client.ts'
import type { Tenant } from '../tenant.ts'
import { chooseColumn } from './column.ts'
import { csvHeader, csvValue, jsonRow, parquetValue } from './formats.ts'
import type { AcceptedParameters, AnyReportType } from './report-type.ts'
import { joinSql, literalText, noSql, type Sql, sql } from './sql.ts'

/** A report ready to run: SQL texts without parameters, and what goes before the rows. */
export type RenderedReport = ReturnType<typeof renderReport>

/** Has COPY write the only column of its rows unchanged: JSON text holds neither of these bytes. */
const unchanged = String.raw`format csv, delimiter E'\x02', quote E'\x01'`

/**
 * Turns a type and parameters that it accepted into SQL. CSV as Stripe writes it: every name and value in double
 * quotes, nothing at all for null, LF at the end of lines.
 */
export function renderReport(type: AnyReportType, scope: Tenant, parameters: AcceptedParameters) {
  const names = parameters.columns ?? type.columns.map(({ name }) => name)
  const columns = [names].flat().map((name) => {
    const column = chooseColumn(type.columns, name)
    if (!column) throw new Error(`${type.name} has no column "${name}".`)
    return column
  })
  const timezone = String(parameters.timezone ?? 'Etc/UTC')
  const style = { timezone, decimalSeparator: String(parameters.decimal_separator ?? '.') }
  const { from, orderBy } = type.source(scope, parameters)
  const order = orderBy ? sql` order by ${orderBy}` : noSql
  const { custom: limits = null } = type
  const limit = limits ? ` limit ${limits.rows}` : ''
  const copy = (values: readonly Sql[], options: string): string =>
    `copy (${literalText(sql`select ${joinSql(values)} from ${from}${order}`)}${limit}) to stdout (${options})`
  return {
    /** Gives the number of rows expected, see `rowsText`. */
    countText: countText(rowsText(type, scope, parameters)),
    /**
     * For each format, a COPY to STDOUT of the rows: lines of CSV without the header, lines of JSON, and for Parquet rows
     * in COPY's own binary form. All in the same order.
     */
    copyText: {
      CSV: copy(
        columns.map((column) => csvValue(column, style)),
        'format csv, force_quote *',
      ),
      JSONL: copy([jsonRow(columns, timezone)], unchanged),
      PARQUET: copy(columns.map(parquetValue), 'format binary'),
    } satisfies Record<ReportFormat, string>,
    /** First line of a CSV file. */
    header: csvHeader(columns),
    columns,
    /** Of a custom report; null for all others. */
    limits,
  }
}

/**
 * A query for as many rows as a report has, and for nothing in them; where the type has a limit of rows, for at most one
 * more than that, which shows whether there are more.
 */
export function rowsText(type: AnyReportType, scope: Tenant, parameters: AcceptedParameters): string {
  const rows = literalText(sql`select from ${type.source(scope, parameters).from}`)
  return type.custom ? `${rows} limit ${type.custom.rows + 1}` : rows
}

/** One row with one column: how many rows that query gives. */
export function countText(rows: string): string {
  return `select count(*) as rows from (${rows}) as counted`
}
