import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationError } from '../../errors.ts'
import type { OwnReport } from './custom-report.ts'
import { ReportFileError } from './problem.ts'
import { readReport } from './read-report.ts'

/** Reports by their file, named from the folder of the process. */
export type OwnReports = ReadonlyMap<string, OwnReport>

/**
 * What comes of each of some things, in their order, when all of them come to something.
 *
 * @throws ConfigurationError with the messages of all that were refused
 */
export async function allOrProblems<From, To>(
  from: Iterable<From>,
  read: (one: From) => To | Promise<To>,
): Promise<To[]> {
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
    throw new ConfigurationError(['The reports of REPORTS_DIR cannot be used.', ...messages].join('\n'))
  }
  return done
}

/**
 * Reads the reports of a folder: every file in it that ends with `.sql`.
 *
 * @param taken names of report types that are there already
 * @throws ConfigurationError that names file and line of every mistake
 */
export async function readReports(folder: string, taken: readonly string[]): Promise<OwnReports> {
  const places = new Map(taken.map((name) => [name, 'the gateway itself']))
  const files = (await listFiles(folder)).map((name) => join(folder, name))
  const reports = await allOrProblems(files, async (file) => {
    const report = readReport(file, await readText(file))
    const { id } = report.header
    const other = places.get(id)
    if (other) {
      const message = `There is a report ${id} already: that of ${other}.`
      throw new ReportFileError(file, [{ line: report.lineOf(['id']), message }])
    }
    places.set(id, file)
    return [file, report] as const
  })
  return new Map(reports)
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder)
    return names.filter((name) => name.endsWith('.sql')).toSorted()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigurationError(`REPORTS_DIR cannot be read: ${why}.`, { cause })
  }
}

async function readText(file: string): Promise<string> {
  const bytes = await readFile(file)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {}
  throw new ReportFileError(file, [{ line: 1, message: 'The file is no text in UTF-8.' }])
}
