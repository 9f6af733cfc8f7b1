import { startOurs } from '../framework/ours.ts'
import { requestFigures, requestSide } from '../framework/request-side.ts'
import { type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Row } from '../framework/row.ts'
import { listJob } from './list.ts'

const unlimited = {
  MAX_DEPTH: '1000',
  MAX_ALIASES: '100000',
  MAX_DIRECTIVES: '100000',
  MAX_TOKENS: '1000000',
  MAX_COST: '100000000',
}

export const defences: Row = {
  name: 'defences',
  work: 'The page of `list` with a log line for each request, metrics and the default limits, and without them.',
  figures: requestFigures,
  chart: 'requests/s',
  peers: [],
  async run(bench) {
    const { accounts, environment } = await bench.runsDatabase()
    const gateway = { ...environment, ROLE: 'gateway' }
    await using on = await startOurs({ ...gateway, LOG_LEVEL: 'info', METRICS: 'true' })
    await using off = await startOurs({ ...gateway, LOG_LEVEL: 'silent', METRICS: 'false', ...unlimited })
    await bench.postgres.pinToLoad()
    bench.note(
      'API keys, the prevention of CSRF and the masking of errors cannot be switched off, so both sides have them.',
    )
    const job = listJob(accounts[0]?.key ?? '', bench.size.seconds)
    const one = await bench.measure('a page of 20 runs', [
      requestSide('on', on, job),
      requestSide('off', off, job),
    ])
    const goals: GoalResult[] = ratioGoal(one, ['on', 'off'], 'requests/s', 'at least', 0.95)
    return { cases: [one], goals }
  },
}
