import { basename } from 'node:path'
import type { Pool } from 'pg'
import { ConfigurationError } from '../../errors.ts'
import { coverTogether } from '../../ledger/import/coverage.ts'
import { type ImportResult, importFile } from '../../ledger/import/import-file.ts'
import { refreshStatistics } from '../../ledger/statistics.ts'
import type { Tenant } from '../../tenant.ts'
import { StoppedError } from '../client/client-error.ts'
import { count, createProgressDisplay, type ProgressDisplay } from '../client/progress-display.ts'
import type { CommandContext } from '../command.ts'
import { readTime, readTimezone } from './import-time.ts'
import { tellCoverage } from './print-coverage.ts'
import { tellImport } from './print-import.ts'

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
export function readFileImport(
  paths: readonly string[],
  values: {
    from?: string | undefined
    until?: string | undefined
    timezone?: string | undefined
    'skip-bad'?: boolean | undefined
  },
): FileImport {
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

/**
 * Imports files one after the other, each as a whole; the first that cannot be imported ends it. What they are declared to
 * cover is covered when the last one is in.
 */
export async function importFiles(
  pool: Pool,
  tenant: Tenant,
  request: FileImport,
  context: CommandContext,
): Promise<void> {
  const display = createProgressDisplay(context.stderr)
  const results: ImportResult[] = []
  for (const path of request.paths) {
    results.push(await importOne(pool, tenant, path, request, context, display))
  }
  const client = await pool.connect()
  try {
    if (isTogether(request) && !(await coverTogether(client, tenant, results))) {
      context.print('Together the files complete nothing yet, for the reasons above.')
    }
    await refreshStatistics(client)
  } finally {
    client.release()
  }
  context.print(await tellCoverage(pool, tenant))
}

/** With an end declared, each file alone would seem to tell all that only the files together tell. */
function isTogether({ paths, declared }: FileImport): boolean {
  return paths.length > 1 && (declared.from !== null || declared.until !== null)
}

async function importOne(
  pool: Pool,
  tenant: Tenant,
  path: string,
  request: FileImport,
  { signal, print }: CommandContext,
  display: ProgressDisplay,
): Promise<ImportResult> {
  const { timezone, declared, skipBad } = request
  const isPart = isTogether(request)
  const client = await pool.connect()
  // An error that nobody hears ends the process; the query that runs then, or the next one, fails with it.
  client.on('error', () => {})
  // With a query under way this cuts the connection, and Postgres forgets the transaction.
  const stop = () => void client.end()
  signal.addEventListener('abort', stop)
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  try {
    const result = await importFile(client, tenant, path, {
      timezone,
      declared,
      isPart,
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
    for (const line of tellImport(path, result, { seconds: seconds(), timezone, isPart })) print(line)
    return result
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
