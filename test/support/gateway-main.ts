// Starts a gateway like `npm start`, from its environment and `--role`, without the welcome text, and with report types for
// tests in addition to the built-in ones. `spawnGateway` in test/support/gateway-process.ts runs it.
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import pino from 'pino'
import { loadConfig } from '../../src/config/config.ts'
import { builtInReportTypes } from '../../src/reports/catalog.ts'
import { createGateway } from '../../src/server/gateway.ts'
import { poisonReport } from './poison-report.ts'
import { slowReport } from './slow-report.ts'

const stopping = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopping.abort())

// Skips the name of the only command. Unknown options are rejected, so that no test relies on one in vain.
const [, , , ...args] = process.argv
const { values } = parseArgs({ args, options: { role: { type: 'string' } } })
const config = loadConfig(values.role === undefined ? process.env : { ...process.env, ROLE: values.role })
const gateway = createGateway({
  config,
  logger: pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true })),
  signal: stopping.signal,
  reportTypes: [...builtInReportTypes, slowReport, poisonReport],
})
const stopRequested = once(stopping.signal, 'abort')
try {
  const { url } = await gateway.start()
  process.stdout.write(`ready ${url}/graphql\n`)
  await stopRequested
} catch (error) {
  if (!stopping.signal.aborted) throw error
} finally {
  await gateway.stop()
}
process.exit(0)
