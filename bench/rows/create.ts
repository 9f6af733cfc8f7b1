import { ask } from '../framework/equal-answers.ts'
import { coverLedger } from '../framework/fill-ledger.ts'
import type { BenchAccount } from '../framework/fill-runs.ts'
import { startOurs } from '../framework/ours.ts'
import { startPeer } from '../framework/peers.ts'
import { findProgram } from '../framework/programs.ts'
import { type RequestJob, requestFigures, requestSide } from '../framework/request-side.ts'
import { type CaseResult, type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Row } from '../framework/row.ts'
import { countCreated, deleteCreated } from './create/created-rows.ts'
import { pgbenchSide } from './create/pgbench.ts'

const query = `mutation Create($input: CreateReportRunInput!) {
  createReportRun(input: $input) { reportRun { id status version reportType { name } } }
}`
const between = { start: '2026-01-01T00:00:00Z', end: '2026-02-01T00:00:00Z' }
const body = JSON.stringify({
  query,
  variables: { input: { idempotencyKey: 'UNIQUE', report: { balanceSummary1: { interval: { between } } } } },
})
const clients = 10
/** The answer of each side, whatever the id. */
const expected =
  /^\{"createReportRun":\{"reportRun":\{"id":"frr_\w{25}","status":"PENDING","version":1,"reportType":\{"name":"balance\.summary\.1"\}\}\}\}$/

export const create: Row = {
  name: 'create',
  work: 'createReportRun with an idempotency key, from 10 clients at once. Each writes a run, its key, the count of the day, an event and a job.',
  figures: requestFigures,
  chart: 'requests/s',
  peers: ['stock'],
  async run(bench) {
    await using servers = new AsyncDisposableStack()
    const { accounts, database, environment } = await bench.runsDatabase()
    // Covers the interval that the clients ask for, without any rows.
    const covered = { start: new Date('2020-01-01'), end: new Date('2030-01-01') }
    for (const { accountId } of accounts.slice(0, clients)) await coverLedger(database, accountId, covered)
    const limits = { DAILY_RUNS: '100000000' }
    const ours = servers.use(await startOurs({ ...environment, ...limits, ROLE: 'gateway' }))
    const stock = servers.use(await startPeer('stock', environment))
    const pgbench = findProgram('pgbench')
    if (!pgbench) bench.note('pgbench is left out: it is not installed (Debian: postgresql-15).')
    await bench.postgres.pinToLoad()

    // A round that has created less than it says has failed. Its rows go, so that each round begins with the same tables.
    const settle = async (requests: number): Promise<void> => {
      const created = await countCreated(database)
      for (const [table, rows] of Object.entries(created)) {
        if (rows !== requests) throw new Error(`${requests} requests left ${rows} rows in ${table}.`)
      }
      await deleteCreated(database)
    }
    await deleteCreated(database)
    const [account] = accounts
    for (const { url } of [ours, stock]) {
      const data = await ask({ url, key: account?.key ?? '', body: body.replace('UNIQUE', url) })
      if (!expected.test(JSON.stringify(data))) throw new Error(`${url} answers ${JSON.stringify(data)}`)
    }
    await settle(2)

    const measure = (name: string, some: readonly BenchAccount[]): Promise<CaseResult> => {
      const job = jobOf(some, bench.size.seconds)
      return bench.measure(name, [
        requestSide('ours', ours, job, settle),
        requestSide('stock', stock, job, settle),
        ...(pgbench
          ? [pgbenchSide(pgbench, database, some, { clients, seconds: bench.size.seconds }, settle)]
          : []),
      ])
    }
    const one = await measure('one account', accounts.slice(0, 1))
    const ten = await measure('ten accounts', accounts.slice(0, clients))
    const goals: GoalResult[] = [one, ten].flatMap((each) => [
      ...ratioGoal(each, ['ours', 'stock'], 'requests/s', 'at least', 4),
      ...ratioGoal(each, ['ours', 'pgbench'], 'requests/s', 'at least', 0.6),
    ])
    return { cases: [one, ten], goals }
  },
}

function jobOf(accounts: readonly BenchAccount[], seconds: number): RequestJob {
  const requests = accounts.map(({ key }) => ({ headers: { authorization: `Bearer ${key}` }, body }))
  return { requests, connections: clients, seconds, rate: null, isRepeatable: false }
}
