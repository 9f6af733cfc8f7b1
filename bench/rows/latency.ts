import { join } from 'node:path'
import { coverLedger } from '../framework/fill-ledger.ts'
import { startOurs } from '../framework/ours.ts'
import { folderOf } from '../framework/peers.ts'
import { runPinned } from '../framework/programs.ts'
import { createRun } from '../framework/report-runs.ts'
import { type GoalResult, medianOf, ratioGoal } from '../framework/result.ts'
import type { Side } from '../framework/rounds.ts'
import type { Row } from '../framework/row.ts'
import { watchRuns } from './latency/watch-runs.ts'

const runsEach = 30

export const latency: Row = {
  name: 'latency',
  work: 'A small report, requested from one gateway and watched over WebSocket on another: from the mutation until RUNNING and SUCCEEDED arrive, and from the time of each event until it arrives. The peer sends a job by pg-boss and waits until its worker starts it.',
  figures: [
    { name: 'to RUNNING, p50', unit: 'ms', decimals: 1 },
    { name: 'to RUNNING, p99', unit: 'ms', decimals: 1 },
    { name: 'to SUCCEEDED, p50', unit: 'ms', decimals: 1 },
    { name: 'event, p50', unit: 'ms', decimals: 1 },
    { name: 'event, p99', unit: 'ms', decimals: 1 },
  ],
  chart: 'to RUNNING, p50',
  peers: ['stock'],
  async run(bench) {
    const { accounts, database, environment } = await bench.fillDatabase('latency', {
      accounts: 1,
      runs: 1_000,
    })
    const [account] = accounts
    if (!account) throw new Error('The database has no account.')
    await coverLedger(database, account.accountId, {
      start: new Date('2020-01-01'),
      end: new Date('2030-01-01'),
    })
    await using first = await startOurs({ ...environment, DAILY_RUNS: '100000000' })
    await using second = await startOurs({ ...environment, ROLE: 'gateway' })
    await bench.postgres.pinToLoad()
    const runs = Math.max(3, Math.round(runsEach * bench.size.scale))
    await using watch = await watchRuns(second.url, account.key)
    const client = { url: first.url, key: account.key }
    const interval = { between: { start: '2026-01-01T00:00:00Z', end: '2026-02-01T00:00:00Z' } }
    const ours: Side = {
      name: 'ours',
      measure: async () => {
        const [running, succeeded, events]: number[][] = [[], [], []]
        for (let number = 0; number < runs; number++) {
          const startedAt = performance.now()
          const id = await createRun(client, { report: { balanceSummary1: { interval } } })
          const seen = await watch.untilEnded(id)
          running?.push((seen.find(({ status }) => status !== 'PENDING')?.at ?? Number.NaN) - startedAt)
          succeeded?.push((seen.at(-1)?.at ?? Number.NaN) - startedAt)
          events?.push(...seen.map(({ delay }) => delay))
        }
        return {
          'to RUNNING, p50': quantile(running, 0.5),
          'to RUNNING, p99': quantile(running, 0.99),
          'to SUCCEEDED, p50': quantile(succeeded, 0.5),
          'event, p50': quantile(events, 0.5),
          'event, p99': quantile(events, 0.99),
        }
      },
    }
    const script = join(folderOf('stock'), 'queue-latency.js')
    const queue: Side = {
      name: 'pg-boss alone',
      measure: async () => {
        const output = await runPinned({
          program: process.execPath,
          args: [script, String(runs)],
          environment: { DATABASE_URL: database.url },
        })
        const times: number[] = JSON.parse(output)
        return { 'to RUNNING, p50': quantile(times, 0.5), 'to RUNNING, p99': quantile(times, 0.99) }
      },
    }
    const one = await bench.measure('a balance summary', [ours, queue])
    const goals: GoalResult[] = [
      ...ratioGoal(one, ['ours', 'pg-boss alone'], 'to RUNNING, p50', 'at most', 2),
      { what: 'event, p50, ms', value: medianOf(one, 'ours', 'event, p50'), bound: 5, must: 'at most' },
      { what: 'event, p99, ms', value: medianOf(one, 'ours', 'event, p99'), bound: 20, must: 'at most' },
    ]
    return { cases: [one], goals }
  },
}

function quantile(values: readonly number[] | undefined, share: number): number {
  const sorted = (values ?? []).toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
