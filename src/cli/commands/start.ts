import { once } from 'node:events'
import { join } from 'node:path'
import pino from 'pino'
import { type Config, loadConfig, variableNames } from '../../config/config.ts'
import { findMisspelled } from '../../config/misspelled.ts'
import { usesOpenTelemetry } from '../../config/open-telemetry.ts'
import type { Demo } from '../../demo/demo.ts'
import { createLogger } from '../../logger.ts'
import { createGateway } from '../../server/gateway.ts'
import type { Started } from '../../server/start.ts'
import type { Telemetry } from '../../server/telemetry/telemetry.ts'
import type { Command, CommandContext } from '../command.ts'
import { helpOption, parseArguments } from '../parse-arguments.ts'
import { createStepDisplay } from '../step-display.ts'

/** How long after the start its memory is returned: the first clients do not wait for that. */
const releaseMilliseconds = 5_000

const help = `npm start [-- --role ROLE]

Starts the gateway, a worker, or both, and runs until it is stopped. Environment variables configure it.

  --role ROLE             all, gateway or worker; default: the variable ROLE`

function exampleRequest({ month }: Demo): string {
  const [start, end] = [month.start, month.end].map((date) => date.toISOString())
  const interval = `{between: {start: "${start}", end: "${end}"}}`
  const report = `{balanceSummary1: {interval: ${interval}}}`
  return JSON.stringify({
    query: `mutation { createReportRun(input: {report: ${report}}) { reportRun { id status } userErrors { message } } }`,
  })
}

/** Addresses, keys and an example for first-time users. */
function welcome({ url, demo }: Started, { databaseUrl, dataDir }: Config): string[] {
  const lines = ['', `  GraphiQL   ${url}/graphql`]
  if (!demo) return [...lines, '']
  // With an external database, the output may end in a log, so it contains no keys.
  if (databaseUrl !== null) return [...lines, `  Demo keys  ${join(dataDir, 'keys.json')}`, '']
  return [
    ...lines,
    `  Test key   ${demo.keys.test}`,
    `  Live key   ${demo.keys.live}`,
    '',
    '  Create a report run from another terminal:',
    '',
    `  curl -s ${url}/graphql -H 'Authorization: Bearer ${demo.keys.test}' -H 'Content-Type: application/json' -d '${exampleRequest(demo)}'`,
    '',
  ]
}

/** Reads the configuration. The role of the command line overrides that of the environment. */
function readConfig(role: string | undefined, environment: Record<string, string | undefined>): Config {
  const config = loadConfig(role === undefined ? environment : { ...environment, ROLE: role })
  // A worker listens on any free port by default: no client uses it, and a gateway may run on the same machine.
  return config.role === 'worker' && !environment.PORT ? { ...config, port: 0 } : config
}

/** Loaded on demand: the SDK takes a third of a second and 40 MB of memory. */
async function loadTelemetry(
  environment: CommandContext['environment'],
  logger: pino.Logger,
): Promise<Telemetry> {
  const { startOpenTelemetry } = await import('../../server/telemetry/open-telemetry.ts')
  return startOpenTelemetry(environment, logger)
}

/**
 * Returns the memory that only the start needed, a fifth of the process. V8 would keep it: in an idle process it collects no
 * garbage. Does nothing unless Node runs with `--expose-gc`.
 */
function releaseMemory(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

/** Starts gateway, worker or both, and runs until the process is asked to stop. */
export const startCommand: Command = async ({ args, environment, print, stdout, signal }) => {
  const options = { role: { type: 'string' }, ...helpOption } as const
  const { values } = parseArguments({ args, options }, help)
  if (values.help) return print(help)
  const config = readConfig(values.role, environment)
  for (const line of findMisspelled(Object.keys(environment), variableNames())) print(line)
  const isWorker = config.role === 'worker'
  const logger = createLogger(config.logLevel, pino.destination({ dest: 2, sync: true }))
  const telemetry = usesOpenTelemetry(environment) ? await loadTelemetry(environment, logger) : null
  const gateway = createGateway({ config, logger, signal, onProgress: createStepDisplay(stdout), telemetry })
  const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  try {
    // A start that hangs must not prevent the process from stopping.
    const started = await Promise.race([gateway.start(), stopped.then(() => null)])
    if (!started) return
    if (!isWorker) for (const line of welcome(started, config)) print(line)
    print(`ready ${started.url}/${isWorker ? 'ready' : 'graphql'}`)
    setTimeout(releaseMemory, releaseMilliseconds).unref()
    await stopped
    print('Stopping…')
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await gateway.stop()
    await telemetry?.stop()
  }
}
