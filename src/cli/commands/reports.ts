import { loadConfig } from '../../config/config.ts'
import { ConfigurationError } from '../../errors.ts'
import { createPool } from '../../postgres/client.ts'
import { migrate } from '../../postgres/migrate.ts'
import { openDatabase } from '../../postgres/open-database.ts'
import { builtInReportTypes } from '../../reports/catalog.ts'
import { loadCustomReports } from '../../reports/custom/load.ts'
import { openReader } from '../../reports/custom/login.ts'
import type { Command } from '../command.ts'
import { helpOption, parseArguments } from '../parse-arguments.ts'

const help = `npm run reports

Checks the custom reports in REPORTS_DIR as "npm start" does, and lists them.`

/** Checks the custom reports as `start` does, and lists them. */
export const reportsCommand: Command = async ({ args, environment, print, stderr, signal }) => {
  if (parseArguments({ args, options: helpOption }, help).values.help) return print(help)
  const config = loadConfig(environment)
  const { reports } = config
  if (!reports)
    throw new ConfigurationError('REPORTS_DIR is not set. Set it to the folder of your custom reports.')
  await using closers = new AsyncDisposableStack()
  const openAdmin = async (): Promise<string> => {
    const database = await openDatabase(config, print, signal)
    closers.defer(database.close)
    await migrate(database.url, signal)
    return database.url
  }
  const url = await openReader(reports.databaseUrl, openAdmin)
  const onError = (error: Error): void => print(error.message)
  const pool = createPool({
    url,
    max: 1,
    applicationName: 'report-gateway reports',
    isForeign: true,
    onError,
  })
  closers.defer(() => pool.end())
  const onWarning = (message: string): void => void stderr.write(`${message}\n`)
  const taken = builtInReportTypes.map(({ name }) => name)
  const loaded = await loadCustomReports({
    folder: reports.folder,
    pool,
    limits: reports.limits,
    taken,
    onWarning,
  })
  for (const { file, type } of loaded) print(`${type.name}  ${file}  ${type.title}`)
  print(`Valid custom reports: ${loaded.length}.`)
}
