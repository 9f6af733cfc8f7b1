import type { ReportFormat } from '../postgres/generated/prisma/client.ts'
import type { Tenant } from '../tenant.ts'
import { chooseColumn } from './column.ts'
import { csvHeader, csvValue, jsonRow, parquetValue } from './formats.ts'
import type { AcceptedParameters, AnyReportType } from './report-type.ts'
import { joinSql, literalText, noSql, type Sql, sql } from './sql.ts'

/** A report that is ready to run: SQL texts without parameters, the header line and the columns. */
export type RenderedReport = ReturnType<typeof renderReport>

/** COPY options that write a single column unchanged: JSON text contains neither of these bytes. */
const unchanged = String.raw`format csv, delimiter E'\x02', quote E'\x01'`

/**
 * Renders a type and its accepted parameters as SQL. CSV has the same form as Stripe's: every name and value in double
 * quotes, an empty field for null, LF at the end of lines.
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
    /** A query for the rows without columns, see `rowsText`. */
    rowsText: rowsText(type, scope, parameters),
    /**
     * A COPY to STDOUT of the rows for each format: CSV without the header, lines of JSON, and for Parquet the binary
     * format of COPY. The order of rows is the same in all formats.
     */
    copyText: {
      CSV: copy(
        columns.map((column) => csvValue(column, style)),
        'format csv, force_quote *',
      ),
      JSONL: copy([jsonRow(columns, timezone)], unchanged),
      PARQUET: copy(columns.map(parquetValue), 'format binary'),
    } satisfies Record<ReportFormat, string>,
    /** The first line of a CSV file. */
    header: csvHeader(columns),
    columns,
    /** Limits of a custom report; null for a built-in report. */
    limits,
  }
}

/**
 * A query for the rows of a report without any columns. With a row limit, it returns at most one row more than the
 * limit, to show whether the limit leaves out rows.
 */
export function rowsText(type: AnyReportType, scope: Tenant, parameters: AcceptedParameters): string {
  const rows = literalText(sql`select from ${type.source(scope, parameters).from}`)
  return type.custom ? `${rows} limit ${type.custom.rows + 1}` : rows
}
