// A gateway as `npm start` starts it from its environment and `--role`, without the demo's welcome, and with report types for tests
// beside the built-in ones. `spawnGateway` in test/support/gateway-process.ts runs it.
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

// After the command, of which there is but one. What is not known is refused, so that no test asks for it in vain.
const [, , , ...args] = process.argv
const { values } = parseArgs({ args, options: { role: { type: 'string' } } })
const config = loadConfig(values.role === undefined ? process.env : { ...process.env, ROLE: values.role })
const gateway = createGateway({
  config,
  logger: pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true })),
  signal: stopping.signal,
  reportTypes: [...builtInReportTypes, slowReport, poisonReport],
})
const asked = once(stopping.signal, 'abort')
try {
  const { url } = await gateway.start()
  process.stdout.write(`ready ${url}/graphql\n`)
  await asked
} catch (error) {
  if (!stopping.signal.aborted) throw error
} finally {
  await gateway.stop()
}
process.exit(0)
