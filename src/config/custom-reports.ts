import { z } from 'zod'
import { postgresUrl, wholeNumber } from './values.ts'

/** Reports that the operator writes, as files of SQL. */
export type OwnReportsConfig = {
  folder: string
  /** Login that may only read; null means that of the embedded Postgres. */
  databaseUrl: string | null
  /** Most rows of a result, and most seconds for a statement. */
  limits: { rows: number; seconds: number }
}

export const ownReportsVariables = z.object({
  REPORTS_DIR: z.string().optional(),
  REPORTS_DATABASE_URL: postgresUrl().optional(),
  REPORT_ROWS: wholeNumber(1, 999_999_999).optional(),
  REPORT_SECONDS: wholeNumber(1, 86_400).optional(),
})

type OwnReportsVariables = z.infer<typeof ownReportsVariables>

/** Sentences on variables that do not go together. */
export function checkOwnReports(
  variables: OwnReportsVariables & { DATABASE_URL?: string | undefined },
): string[] {
  if (variables.REPORTS_DIR === undefined) {
    return (['REPORTS_DATABASE_URL', 'REPORT_ROWS', 'REPORT_SECONDS'] as const)
      .filter((name) => variables[name] !== undefined)
      .map((name) => `${name} is of no use without REPORTS_DIR.`)
  }
  // Their SQL is to have no other rights than reading, and only on the embedded Postgres there is a login for that.
  if (variables.DATABASE_URL === undefined || variables.REPORTS_DATABASE_URL !== undefined) return []
  return [
    'REPORTS_DIR needs REPORTS_DATABASE_URL beside DATABASE_URL: a login for your reports that can only read.',
  ]
}

/** Null when the operator has no reports. */
export function readOwnReports(variables: OwnReportsVariables): OwnReportsConfig | null {
  const { REPORTS_DIR, REPORTS_DATABASE_URL, REPORT_ROWS, REPORT_SECONDS } = variables
  if (REPORTS_DIR === undefined) return null
  return {
    folder: REPORTS_DIR,
    databaseUrl: REPORTS_DATABASE_URL ?? null,
    limits: { rows: REPORT_ROWS ?? 1_000_000, seconds: REPORT_SECONDS ?? 600 },
  }
}
