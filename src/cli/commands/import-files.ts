import { basename } from 'node:path'
import type { PoolClient } from 'pg'
import { coverTogether } from '../../ledger/import/coverage.ts'
import { type ImportResult, importFile } from '../../ledger/import/import-file.ts'
import { refreshStatistics } from '../../ledger/load.ts'
import type { Tenant } from '../../tenant.ts'
import { StoppedError } from '../client/client-error.ts'
import { count, createProgressDisplay, type ProgressDisplay } from '../client/progress-display.ts'
import type { CommandContext } from '../command.ts'
import type { FileImport } from './import-options.ts'
import { printCoverage, printImport } from './print-import.ts'

/**
 * Imports files one after the other, each as a whole; the first that cannot be imported ends it. What they are declared to
 * cover is covered when the last one is in.
 */
export async function importFiles(
  client: PoolClient,
  tenant: Tenant,
  request: FileImport,
  context: CommandContext,
): Promise<void> {
  const display = createProgressDisplay(context.stderr)
  const results: ImportResult[] = []
  for (const path of request.paths) {
    results.push(await importOne(client, tenant, path, request, context, display))
  }
  if (isTogether(request) && !(await coverTogether(client, tenant, results))) {
    context.print('Together the files complete nothing yet, for the reasons above.')
  }
  await refreshStatistics(client)
  await printCoverage(client, tenant, context.print)
}

/** What is declared to be covered is covered by the files together, and not by each of them. */
function isTogether({ paths, declared }: FileImport): boolean {
  return paths.length > 1 && (declared.from !== null || declared.until !== null)
}

async function importOne(
  client: PoolClient,
  tenant: Tenant,
  path: string,
  request: FileImport,
  { signal, print }: CommandContext,
  display: ProgressDisplay,
): Promise<ImportResult> {
  const isPart = isTogether(request)
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  const onProgress = ({ rows, percent }: { rows: number; percent: number | null }): void =>
    display.show({
      stage: `Importing ${basename(path)}`,
      percent,
      details: [`${count(rows)} rows`, `${count(Math.round(rows / elapsed()))} rows/s`],
    })
  // With a query under way this cuts the connection, and Postgres forgets the transaction.
  const stop = () => void client.end()
  signal.addEventListener('abort', stop)
  try {
    const options = { ...request, isPart, now: new Date(), signal, onProgress }
    const result = await importFile(client, tenant, path, options)
    display.end()
    printImport(path, result, { seconds: elapsed(), timezone: request.timezone, isPart }, print)
    return result
  } catch (error) {
    display.end()
    if (!signal.aborted) throw error
    throw new StoppedError(`Stopped. Nothing of ${path} was imported; run the same command again.`, {
      cause: error,
    })
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
