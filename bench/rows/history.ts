import { fillLedger } from '../framework/fill-ledger.ts'
import { startOurs } from '../framework/ours.ts'
import { runReport } from '../framework/report-runs.ts'
import { type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Side } from '../framework/rounds.ts'
import type { Row } from '../framework/row.ts'

const month = { start: new Date('2026-06-01T00:00:00Z'), end: new Date('2026-07-01T00:00:00Z') }
const years = { start: new Date('2021-06-01T00:00:00Z'), end: month.start }
const sizes = [10_000_000, 1_000_000, 100_000]

export const history: Row = {
  name: 'history',
  work: 'The balance summary and the ending balance of one month with 20,000 rows, after five years with 100,000 to 10,000,000 rows. The time is that of the run, from its start to its end.',
  figures: [{ name: 'seconds', unit: '', decimals: 3 }],
  chart: 'seconds',
  peers: [],
  async run(bench) {
    const { database, accounts, environment } = await bench.fillDatabase('history', {
      accounts: sizes.length,
      runs: 100,
    })
    const ledgers: { rows: number; key: string }[] = []
    for (const [number, size] of sizes.entries()) {
      const account = accounts[number]
      if (!account) throw new Error('The database has too few accounts.')
      const rows = Math.max(100, Math.round(size * bench.size.scale))
      await fillLedger(database, account.accountId, { ...years, rows })
      await fillLedger(database, account.accountId, { ...month, rows: 20_000 })
      ledgers.push({ rows, key: account.key })
    }
    await using ours = await startOurs(environment)
    await bench.postgres.pinToLoad()
    const interval = { between: { start: month.start.toISOString(), end: month.end.toISOString() } }
    const sidesOf = (report: object): Side[] =>
      ledgers.map(({ rows, key }) => ({
        name: `after ${rows.toLocaleString('en')} rows`,
        measure: async () => ({ seconds: (await runReport({ url: ours.url, key }, { report })).seconds }),
      }))
    const cases = [
      await bench.measure('balance summary', sidesOf({ balanceSummary1: { interval } })),
      await bench.measure(
        'ending balance',
        sidesOf({ endingBalanceReconciliationSummary1: { intervalEnd: interval.between.end } }),
      ),
    ]
    await bench.postgres.dropDatabase('history')
    const goals: GoalResult[] = cases.flatMap((one) => {
      const [largest, , smallest] = one.sides
      return ratioGoal(one, [largest?.side ?? '', smallest?.side ?? ''], 'seconds', 'at most', 1.3)
    })
    return { cases, goals }
  },
}
