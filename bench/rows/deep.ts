import { ask } from '../framework/equal-answers.ts'
import { startOurs } from '../framework/ours.ts'
import { requestFigures, requestSide } from '../framework/request-side.ts'
import { type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Row, RunsDatabase } from '../framework/row.ts'
import { listJob } from './list.ts'

export const deep: Row = {
  name: 'deep',
  work: 'The page of `list` at a depth of 15,000 and near the end of 1,000,000 runs of one account.',
  figures: requestFigures,
  chart: 'p50',
  peers: [],
  async run(bench) {
    const filled = await bench.largeDatabase()
    const { runs } = filled
    const [account] = filled.accounts
    if (!account) throw new Error('The database has no account.')
    await using ours = await startOurs({ ...filled.environment, ROLE: 'gateway' })
    await bench.postgres.pinToLoad()
    const side = async (depth: number) => {
      const after = depth === 0 ? null : await cursorAt(filled, ours.url, account.key, depth)
      const job = listJob(account.key, bench.size.seconds, after)
      return requestSide(depth === 0 ? 'the first page' : `depth ${depth.toLocaleString('en')}`, ours, job)
    }
    const depths = [0, Math.min(15_000, runs / 2), runs - 100]
    const one = await bench.measure('a page of 20 runs', await Promise.all(depths.map(side)))
    const [first, ...others] = one.sides.map((each) => each.side)
    const goals: GoalResult[] = others.flatMap((other) =>
      ratioGoal(one, [other, first ?? ''], 'p50', 'at most', 1.2),
    )
    return { cases: [one], goals }
  },
}

/** The cursor of the run at a depth of the list, by a filter that makes it the first one. */
async function cursorAt(
  { database }: RunsDatabase,
  url: string,
  key: string,
  depth: number,
): Promise<string> {
  const [run] = await database.query<{ created_at: Date }>(
    'select created_at from report_runs order by id desc offset $1 limit 1',
    [depth],
  )
  if (!run) throw new Error(`There is no run at the depth of ${depth}.`)
  const query =
    'query ($end: DateTime!) { reportRuns(first: 1, filter: {createdAt: {end: $end}}) { pageInfo { endCursor } } }'
  const end = new Date(run.created_at.getTime() + 1).toISOString()
  // The answer to this query has this form.
  const { reportRuns } = (await ask({ url, key, body: JSON.stringify({ query, variables: { end } }) })) as {
    reportRuns: { pageInfo: { endCursor: string } }
  }
  return reportRuns.pageInfo.endCursor
}
