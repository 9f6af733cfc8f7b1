import type { Pool } from 'pg'
import { loadCustomReports } from '../reports/custom/load.ts'
import { ensureReader } from '../reports/custom/login.ts'
import type { AnyReportType } from '../reports/report-type.ts'
import { type Opening, openPool } from './opening.ts'

export type OwnReports = {
  types: readonly AnyReportType[]
  /** Of the database that they read, as the login that they have. */
  url: string
  /** Connections of that login. */
  pool: Pool
}

/**
 * Opens the operator's own reports; null when there are none.
 *
 * @param adminUrl of the gateway's database, where their login is made when the configuration names no other
 * @throws ConfigurationError when one of them cannot be run
 */
export async function openOwnReports(opening: Opening, adminUrl: string): Promise<OwnReports | null> {
  const { config, onProgress, reportTypes } = opening
  const { reports } = config
  if (!reports) return null
  const url = reports.databaseUrl ?? (await ensureReader(adminUrl))
  const pool = openPool(opening, 'own reports', { url, max: config.concurrency + 2, isForeign: true })
  const taken = reportTypes.map(({ name }) => name)
  const loaded = await loadCustomReports({ folder: reports.folder, pool, limits: reports.limits, taken })
  onProgress(`Reports of your own in ${reports.folder}: ${loaded.length}.`)
  return { types: loaded.map(({ type }) => type), url, pool }
}
