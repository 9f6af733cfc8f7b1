import type { Pool } from 'pg'
import type { AnyReportType } from './report-type.ts'

/** Connections for the queries of reports. */
export type ReportPools = {
  /** For those of the gateway. */
  exportPool: Pool
  /** For the operator's own, with the rights that those have; null when there are none. */
  ownPool: Pool | null
}

/** Where a report's SQL may run, were it only to be explained: what is not ours has no rights of ours. */
export function poolOf({ exportPool, ownPool }: ReportPools, { name, own }: AnyReportType): Pool {
  if (!own) return exportPool
  if (!ownPool) throw new Error(`This process has no login for the report type ${name}.`)
  return ownPool
}
