import type { Pool, PoolClient } from 'pg'
import { ConfigurationError } from '../../errors.ts'
import type { AnyReportType, OwnLimits } from '../report-type.ts'
import { checkStatement } from './check-statement.ts'
import { defineOwnReport } from './custom-report.ts'
import { checkReader } from './login.ts'
import { allOrProblems, readReports } from './read-folder.ts'

export type LoadOptions = {
  /** Folder of the reports. */
  folder: string
  /** Connections of the login that they have. */
  pool: Pool
  /** What each may take at most. */
  limits: OwnLimits
  /** Names of report types that are there already. */
  taken: readonly string[]
}

/** A report that can be run, and the file that it is from. */
export type LoadedReport = { file: string; type: AnyReportType }

/**
 * Reads the operator's own reports, and has Postgres say whether each can be run. It takes one query a report or two.
 *
 * @throws ConfigurationError that names file and line of every mistake, or says what is wrong with the login
 */
export async function loadOwnReports({ folder, pool, limits, taken }: LoadOptions): Promise<LoadedReport[]> {
  const reports = await readReports(folder, taken)
  const client = await connect(pool)
  try {
    await checkReader(client)
    return await allOrProblems(reports, async ([file, report]) => {
      await checkStatement(client, file, report)
      return { file, type: defineOwnReport(report, limits) }
    })
  } finally {
    client.release()
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect()
  } catch (cause) {
    const why = cause instanceof Error && cause.message ? cause.message : String(cause)
    throw new ConfigurationError(`The login for the reports of REPORTS_DIR cannot be used: ${why}.`, {
      cause,
    })
  }
}
