import type { Tenant } from '../tenant.ts'
import type { AcceptedParameters, AnyReportType } from './report-type.ts'
import { literalText, sql } from './sql.ts'

/**
 * A query for as many rows as a report has, and for nothing in them; where the type has a limit of rows, for at most one
 * more than that, which tells whether there are more.
 */
export function rowsText(type: AnyReportType, scope: Tenant, parameters: AcceptedParameters): string {
  const rows = literalText(sql`select from ${type.source(scope, parameters).from}`)
  return type.own ? `${rows} limit ${type.own.rows + 1}` : rows
}

/** One row with one column: how many rows that query gives. */
export function countText(rows: string): string {
  return `select count(*) as rows from (${rows}) as counted`
}
