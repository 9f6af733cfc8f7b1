import type { Command } from '../command.ts'
import { loadConfig } from '../config.ts'
import { createPool } from '../database/client.ts'
import { migrate } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'
import { ConfigurationError } from '../errors.ts'
import { builtInReportTypes } from '../reports/catalog.ts'
import { loadOwnReports } from '../reports/own/load.ts'
import { ensureReader } from '../reports/own/login.ts'

/** Checks the operator's own reports as a start does, and lists them. */
export const reportsCommand: Command = async ({ environment, print, signal }) => {
  const config = loadConfig(environment)
  const { reports } = config
  if (!reports) throw new ConfigurationError('REPORTS_DIR is not set. It names the folder of your reports.')
  await using closers = new AsyncDisposableStack()
  const loginUrl = async (): Promise<string> => {
    const database = await openDatabase(config, print, signal)
    closers.defer(database.close)
    await migrate(database.url, signal)
    return ensureReader(database.url)
  }
  const url = reports.databaseUrl ?? (await loginUrl())
  const onError = (error: Error): void => print(error.message)
  const pool = createPool({
    url,
    max: 1,
    applicationName: 'report-gateway reports',
    isForeign: true,
    onError,
  })
  closers.defer(() => pool.end())
  const taken = builtInReportTypes.map(({ name }) => name)
  const loaded = await loadOwnReports({ folder: reports.folder, pool, limits: reports.limits, taken })
  for (const { file, type } of loaded) print(`${type.name}  ${file}  ${type.title}`)
  print(`Reports that can be run: ${loaded.length}.`)
}
