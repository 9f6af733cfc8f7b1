import { basename } from 'node:path'
import type { Pool } from 'pg'
import { StoppedError } from '../client/client-error.ts'
import { count, createProgressDisplay, type ProgressDisplay } from '../client/progress-display.ts'
import type { CommandContext } from '../command.ts'
import { ConfigurationError } from '../errors.ts'
import { type ImportResult, importFile } from '../ledger/import/import-file.ts'
import type { LedgerOwner } from '../ledger/rows.ts'
import { refreshStatistics } from '../ledger/statistics.ts'
import { readTime, readTimezone } from './import-time.ts'
import { spanText, tellCoverage } from './tell-coverage.ts'

/** The options of `npm run import` that are about files. */
export const fileImportOptions = {
  from: { type: 'string' },
  until: { type: 'string' },
  timezone: { type: 'string' },
  'skip-bad': { type: 'boolean' },
} as const

export type FileImport = {
  paths: readonly string[]
  timezone: string
  declared: { from: Date | null; until: Date | null }
  skipBad: boolean
}

/** @throws ConfigurationError when something is wrong with the arguments */
export const readFileImport = (
  paths: readonly string[],
  values: {
    from?: string | undefined
    until?: string | undefined
    timezone?: string | undefined
    'skip-bad'?: boolean | undefined
  },
): FileImport => {
  if (paths.length === 0)
    throw new ConfigurationError('Which files? npm run import -- FILE… (--help tells more)')
  const timezone = readTimezone(values.timezone ?? 'UTC')
  const from = readTime('from', values.from, timezone)
  const until = readTime('until', values.until, timezone)
  if (from && until && from >= until) {
    throw new ConfigurationError(`--until ${values.until} has to be later than --from ${values.from}.`)
  }
  if (until && until > new Date()) {
    throw new ConfigurationError(`--until ${values.until} lies in the future, of which no export knows all.`)
  }
  return { paths, timezone, declared: { from, until }, skipBad: values['skip-bad'] ?? false }
}

/** What a file's import did, in sentences. */
const tell = (path: string, result: ImportResult, seconds: number): string[] => {
  const { title, rows, rejected, rejectedPath, span, sides } = result
  const rate = count(Math.round(rows / Math.max(seconds, 0.001)))
  const done = `${path}: ${count(rows)} rows of an export of the ${title} in ${seconds.toFixed(1)} s (${rate} rows/s).`
  if (rejectedPath !== null) {
    const declare = span ? `, with --from ${span.from.toISOString()} --until ${span.until.toISOString()}` : ''
    return [
      done,
      ...rejected,
      `The lines that were rejected are in ${rejectedPath}: mend and import it${declare}. Until then the ledger is not said to be complete.`,
    ]
  }
  if (!span) return [done, 'It covers no whole day. Say what it covers, if it does: --from … --until ….']
  if (sides.length === 0) {
    return [
      done,
      'All its rows were paid out, as in a reconciliation of payouts, so it does not show that the ledger is complete. If it is all the activity there was, say of which time: --from … --until ….',
    ]
  }
  return [done, `It covers ${sides.join(' and ')} from ${spanText(span)}.`]
}

const importOne = async (
  pool: Pool,
  owner: LedgerOwner,
  path: string,
  { timezone, declared, skipBad }: FileImport,
  { signal, print }: CommandContext,
  display: ProgressDisplay,
): Promise<void> => {
  const client = await pool.connect()
  // An error that nobody hears ends the process; the query that runs then, or the next one, fails with it.
  client.on('error', () => {})
  // With a query under way this cuts the connection, and Postgres forgets the transaction.
  const stop = () => void client.end()
  signal.addEventListener('abort', stop)
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  try {
    const result = await importFile(client, owner, path, {
      timezone,
      declared,
      skipBad,
      now: new Date(),
      signal,
      onProgress: ({ rows, percent }) => {
        const rate = `${count(Math.round(rows / seconds()))} rows/s`
        display.show({
          stage: `Importing ${basename(path)}`,
          percent,
          details: [`${count(rows)} rows`, rate],
        })
      },
    })
    display.end()
    for (const line of tell(path, result, seconds())) print(line)
  } catch (error) {
    display.end()
    if (!signal.aborted) throw error
    throw new StoppedError(`Stopped. Nothing of ${path} was imported; run the same command again.`, {
      cause: error,
    })
  } finally {
    signal.removeEventListener('abort', stop)
    // Ended, not given back: it has a listener that nobody else wants.
    client.release(true)
  }
}

/** Imports files one after the other, each as a whole; the first that cannot be imported ends it. */
export const importFiles = async (
  pool: Pool,
  owner: LedgerOwner,
  request: FileImport,
  context: CommandContext,
): Promise<void> => {
  const display = createProgressDisplay(context.stderr)
  for (const path of request.paths) await importOne(pool, owner, path, request, context, display)
  const client = await pool.connect()
  try {
    await refreshStatistics(client)
  } finally {
    client.release()
  }
  context.print(await tellCoverage(pool, owner))
}
