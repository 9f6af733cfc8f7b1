import { ask } from '../framework/equal-answers.ts'
import { coverLedger } from '../framework/fill-ledger.ts'
import { startOurs } from '../framework/ours.ts'
import { type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Row } from '../framework/row.ts'
import { growthQueries } from './growth/queries.ts'

/** Sizes beside that of the large database. */
const sizes = [100_000, 10_000]
/** How often a query is sent in a round; its figure is the median. */
const times = 9
/** A slow query is sent less often. */
const maxMilliseconds = 1_500

export const growth: Row = {
  name: 'growth',
  work: 'Each order, some filters, the total count, a mutation that creates a run and one that changes a run, one request after the other, for an account with 10,000 to 1,000,000 runs. The last case is the start of a gateway.',
  figures: [{ name: 'p50', unit: 'ms', decimals: 1 }],
  chart: 'p50',
  peers: [],
  async run(bench) {
    await using servers = new AsyncDisposableStack()
    const measured = []
    const databases = [await bench.largeDatabase()]
    for (const size of sizes) {
      const runs = Math.max(100, Math.round(size * bench.size.scale))
      databases.push({ ...(await bench.fillDatabase(`growth_${size}`, { accounts: 1, runs })), runs })
    }
    for (const { runs, ...filled } of databases) {
      const [account] = filled.accounts
      if (!account) throw new Error('The database has no account.')
      await coverLedger(filled.database, account.accountId, {
        start: new Date('2020-01-01'),
        end: new Date('2030-01-01'),
      })
      const environment = { ...filled.environment, ROLE: 'gateway', DAILY_RUNS: '100000000' }
      const [run] = await filled.database.query<{ id: string }>(
        'select id from report_runs order by id limit 1',
      )
      const { url } = servers.use(await startOurs(environment))
      measured.push({
        name: `${runs.toLocaleString('en')} runs`,
        url,
        key: account.key,
        environment,
        runId: run?.id ?? '',
      })
    }
    await bench.postgres.pinToLoad()
    const cases = []
    for (const [name, bodyOf] of growthQueries) {
      const sides = measured.map(({ name: side, url, key, runId }) => ({
        name: side,
        measure: async () => ({ p50: await medianTime(() => ask({ url, key, body: bodyOf(runId) })) }),
      }))
      cases.push(await bench.measure(name, sides))
    }
    const starts = measured.map(({ name, environment }) => ({
      name,
      measure: async () => {
        await using started = await startOurs(environment)
        return { p50: started.readyMilliseconds }
      },
    }))
    cases.push(await bench.measure('start of a gateway', starts))
    await servers.disposeAsync()
    for (const size of sizes) await bench.postgres.dropDatabase(`growth_${size}`)
    const [largest, , smallest] = measured
    const goals: GoalResult[] = cases.flatMap((one) =>
      ratioGoal(one, [largest?.name ?? '', smallest?.name ?? ''], 'p50', 'at most', 1.3),
    )
    return { cases, goals }
  },
}

async function medianTime(send: () => Promise<unknown>): Promise<number> {
  const taken: number[] = []
  const endsAt = performance.now() + maxMilliseconds
  while (taken.length < times && (taken.length === 0 || performance.now() < endsAt)) {
    const startedAt = performance.now()
    await send()
    taken.push(performance.now() - startedAt)
  }
  return taken.sort((a, b) => a - b)[Math.floor(taken.length / 2)] ?? Number.NaN
}
