import { once } from 'node:events'
import pino from 'pino'
import type { Command } from '../command.ts'
import { loadConfig } from '../config.ts'
import { createGateway, type Started } from '../gateway.ts'

const request = {
  query:
    'mutation { createReportRun(input: {report: {balanceSummary: {interval: {relative: PREVIOUS_MONTH}}}}) { reportRun { id status } userErrors { message } } }',
}

/** What a newcomer needs first. The keys are printed because the embedded default serves this machine alone. */
const welcome = ({ url, demoKeys }: Started): string[] => {
  const lines = ['', `  GraphiQL   ${url}/graphql`]
  if (!demoKeys) return [...lines, '']
  return [
    ...lines,
    `  Test key   ${demoKeys.test}`,
    `  Live key   ${demoKeys.live}`,
    '',
    '  Ask for a report from another terminal:',
    '',
    `  curl -s ${url}/graphql -H 'Authorization: Bearer ${demoKeys.test}' -H 'Content-Type: application/json' -d '${JSON.stringify(request)}'`,
    '',
  ]
}

/** Starts gateway and worker, and runs until the process is asked to stop. */
export const startCommand: Command = async ({ environment, print, signal }) => {
  const config = loadConfig(environment)
  const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }))
  const gateway = createGateway({ config, log, signal, onProgress: print })
  const asked = once(signal, 'abort')
  try {
    const started = await gateway.start()
    for (const line of welcome(started)) print(line)
    print(`ready ${started.url}/graphql`)
    if (!signal.aborted) await asked
    print('Stopping…')
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await gateway.stop()
  }
}
