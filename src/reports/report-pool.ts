import type { Pool } from 'pg'
import type { AnyReportType } from './report-type.ts'

/** Connections for the queries of reports. */
export type ReportPools = {
  /** For built-in reports. */
  exportPool: Pool
  /** For custom reports, with the rights that those have; null when there are none. */
  customPool: Pool | null
}

/** Where a report's SQL may run, were it only to be explained: what is not ours has no rights of ours. */
export function poolOf({ exportPool, customPool }: ReportPools, { name, custom }: AnyReportType): Pool {
  if (!custom) return exportPool
  if (!customPool) throw new Error(`This process has no login for the report type ${name}.`)
  return customPool
}
