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
import { printCoverage, printImport, printIncompletePayouts } from './print-import.ts'

/**
 * Imports files one after the other, each completely or not at all; the first failure ends the import. The declared
 * coverage takes effect with the last file.
 */
export async function importFiles(
  client: PoolClient,
  tenant: Tenant,
  request: FileImport,
  context: CommandContext,
): Promise<void> {
  const { signal, print, stderr } = context
  const display = createProgressDisplay(stderr)
  const results: ImportResult[] = []
  // With a query under way, `end` closes the connection at once, and Postgres rolls the transaction back.
  const stop = () => void client.end()
  signal.addEventListener('abort', stop)
  try {
    for (const path of request.paths) {
      results.push(await importOne(client, tenant, path, request, context, display))
    }
    if (isTogether(request) && !(await coverTogether(client, tenant, results))) {
      print('The files together do not complete the ledger yet, for the reasons above.')
    }
    await refreshStatistics(client)
    await printCoverage(client, tenant, print)
    await printIncompletePayouts(client, tenant, print)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** True when the declared coverage applies to all files together, not to each of them. */
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
  try {
    signal.throwIfAborted()
    const options = { ...request, isPart, now: new Date(), signal, onProgress }
    const result = await importFile(client, tenant, path, options)
    display.end()
    printImport(path, result, { seconds: elapsed(), timezone: request.timezone, isPart }, print)
    return result
  } catch (error) {
    display.end()
    if (!signal.aborted) throw error
    throw new StoppedError(`Stopped. No row of ${path} was imported; run the same command again.`, {
      cause: error,
    })
  }
}
