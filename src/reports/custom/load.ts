import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pool } from 'pg'
import { ConfigurationError, codeOf } from '../../errors.ts'
import type { CustomLimits } from '../report-type.ts'
import { checkStatement } from './check-statement.ts'
import { type CustomReport, defineCustomReport } from './custom-report.ts'
import { checkReader, warnOfTemporaryFiles } from './login.ts'
import { ReportFileError } from './problem.ts'
import { readReport } from './read-report.ts'

export type LoadOptions = {
  /** The folder of the reports, which are all its files `*.sql`. */
  folder: string
  /** Connections of the login for reports. */
  pool: Pool
  /** Upper limits for each report. */
  limits: CustomLimits
  /** Names of the built-in report types. */
  taken: readonly string[]
  /** Called with a sentence for each risk that the operator should know of. */
  onWarning?: (message: string) => void
}

/**
 * Reads the custom reports and checks each against Postgres.
 *
 * @throws ConfigurationError with the file and line of every mistake, or with the problem of the login
 */
export async function loadCustomReports({ folder, pool, limits, taken, onWarning = () => {} }: LoadOptions) {
  const reports = await readReports(folder, taken)
  const client = await pool.connect().catch((cause) => {
    throw unusable('The login for the reports in REPORTS_DIR cannot be used', cause)
  })
  try {
    await checkReader(client)
    await warnOfTemporaryFiles(client, onWarning)
    return await allOrProblems(reports, async (report) => {
      await checkStatement(client, report)
      return { file: report.file, type: defineCustomReport(report, limits) }
    })
  } finally {
    client.release()
  }
}

async function readReports(folder: string, taken: readonly string[]): Promise<CustomReport[]> {
  const ownerById = new Map(taken.map((name) => [name, 'a built-in report']))
  const names = await readdir(folder).catch((cause) => {
    throw new ConfigurationError(unreadable(folder, cause), { cause })
  })
  const files = names.filter((name) => name.endsWith('.sql')).toSorted()
  return allOrProblems(files, async (name) => {
    const file = join(folder, name)
    const report = readReport(file, await readText(file))
    const { id } = report.header
    const owner = ownerById.get(id)
    if (owner) {
      const message = `The id ${id} is already used by ${owner}. Choose another id.`
      throw new ReportFileError(file, [{ line: report.lineOf(['id']), message }])
    }
    ownerById.set(id, file)
    return report
  })
}

async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause) => {
    throw new ReportFileError(file, [{ line: 1, message: `The file ${faultOf(cause)}.` }])
  })
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {}
  throw new ReportFileError(file, [{ line: 1, message: 'The file is not valid UTF-8 text.' }])
}

/** @throws ConfigurationError with the messages of all rejected files */
async function allOrProblems<From, To>(from: readonly From[], read: (one: From) => Promise<To>) {
  const done: To[] = []
  const messages: string[] = []
  for (const one of from) {
    try {
      done.push(await read(one))
    } catch (error) {
      if (!(error instanceof ReportFileError)) throw error
      messages.push(error.message)
    }
  }
  if (messages.length > 0) {
    throw new ConfigurationError(['The reports in REPORTS_DIR cannot be used.', ...messages].join('\n'))
  }
  return done
}

/** Why a folder cannot be listed, with advice. */
function unreadable(folder: string, cause: unknown): string {
  return `REPORTS_DIR is ${folder}, which ${faultOf(cause)}. Set it to the folder of your custom reports.`
}

function faultOf(cause: unknown): string {
  const code = codeOf(cause)
  return faults[code] ?? `cannot be read (${code || String(cause)})`
}

const faults: Record<string, string> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'is not a folder',
  EISDIR: 'is a folder',
  EACCES: 'cannot be read by this user',
}

function unusable(what: string, cause: unknown): ConfigurationError {
  const why = cause instanceof Error && cause.message ? cause.message : String(cause)
  return new ConfigurationError(`${what}: ${why}.`, { cause })
}
