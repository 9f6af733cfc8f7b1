import { startOurs } from '../framework/ours.ts'
import { cancelRun, createRun } from '../framework/report-runs.ts'
import { requestSide } from '../framework/request-side.ts'
import { type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Side } from '../framework/rounds.ts'
import type { Row } from '../framework/row.ts'
import { wholeLedger } from './copy/report-sql.ts'
import { listJob } from './list.ts'
import { pacedFigures, pacedJob } from './paced.ts'

export const interference: Row = {
  name: 'interference',
  work: 'The page of `list` at 50 requests per second, idle and while two other accounts each run an itemized report of 2,000,000 rows in the same process.',
  figures: pacedFigures,
  chart: 'p99',
  peers: [],
  async run(bench) {
    const { accounts, environment, ledger } = await bench.ledgerDatabase()
    await using ours = await startOurs(environment)
    await bench.postgres.pinToLoad()
    // The third account has no ledger, and its list does not change.
    const [clients, reader] = [accounts.slice(0, 2).map(({ key }) => ({ url: ours.url, key })), accounts[2]]
    const job = pacedJob(listJob(reader?.key ?? '', bench.size.seconds))
    const idle = requestSide('idle', ours, job)
    const besideReports: Side = {
      name: 'two reports',
      measure: async () => {
        const input = wholeLedger(ledger, 'CSV')
        const ids = await Promise.all(clients.map((client) => createRun(client, input)))
        const measured = await requestSide('two reports', ours, job).measure()
        const wereRunning = await Promise.all(
          clients.map((client, number) => cancelRun(client, ids[number] ?? '')),
        )
        if (wereRunning.includes(false)) bench.note('A report ended before the requests did.')
        return measured
      },
    }
    const one = await bench.measure('a page of 20 runs', [idle, besideReports])
    const goals: GoalResult[] = ratioGoal(one, ['two reports', 'idle'], 'p99', 'at most', 2)
    return { cases: [one], goals }
  },
}
