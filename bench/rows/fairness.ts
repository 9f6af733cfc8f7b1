import { ask } from '../framework/equal-answers.ts'
import { startOurs } from '../framework/ours.ts'
import { requestSide } from '../framework/request-side.ts'
import { type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Side } from '../framework/rounds.ts'
import type { Row } from '../framework/row.ts'
import { startReaders } from './fairness/readers.ts'
import { listJob } from './list.ts'
import { pacedFigures, pacedJob } from './paced.ts'

const subscriptions = 100

export const fairness: Row = {
  name: 'fairness',
  work: 'The page of `list` of one account at 50 requests per second, idle and while another account catches up on a log of 500,000 events with 100 subscriptions.',
  figures: pacedFigures,
  chart: 'p99',
  peers: [],
  async run(bench) {
    const { accounts, database, environment } = await bench.runsDatabase()
    const [quiet, busy] = accounts
    if (!quiet || !busy) throw new Error('The database has less than two accounts.')
    await using ours = await startOurs({ ...environment, ROLE: 'gateway' })
    await bench.postgres.pinToLoad()
    const events = Math.max(1_000, Math.round(500_000 * bench.size.scale))
    await database.query(
      `with head as (
        insert into event_log_heads as head (account_id, livemode, position, epoch)
        select $1, false, $2::bigint, epoch from event_log_histories
        on conflict (account_id, livemode) do update set position = head.position + $2::bigint
        returning position - $2::bigint as start
      )
      insert into report_run_events (account_id, livemode, position, run_id, run_version, kind, from_status, to_status, occurred_at)
      select $1, false, head.start + number, run.id, 1, 'STATUS_CHANGED', 'RUNNING', 'SUCCEEDED', now()
      from head, generate_series(1, $2::integer) as number
      join lateral (select id from report_runs where account_id = $1 order by id desc limit 1) as run on true`,
      [busy.accountId, events],
    )
    await database.query('vacuum (analyze) report_run_events')
    const after = await firstCursor(ours.url, busy.key)

    const job = pacedJob(listJob(quiet.key, bench.size.seconds))
    const idle = requestSide('idle', ours, job)
    const besideReaders: Side = {
      name: 'catching up',
      measure: async () => {
        await using readers = await startReaders({ url: ours.url, key: busy.key, after, subscriptions })
        const measured = await requestSide('catching up', ours, job).measure()
        await readers.check()
        return measured
      },
    }
    const one = await bench.measure('a page of 20 runs', [idle, besideReaders])
    const goals: GoalResult[] = ratioGoal(one, ['catching up', 'idle'], 'p99', 'at most', 2)
    return { cases: [one], goals }
  },
}

/** The cursor of the oldest event of the account. */
async function firstCursor(url: string, key: string): Promise<string> {
  const body = JSON.stringify({ query: '{ reportRunEvents(first: 1) { edges { cursor } } }' })
  // The answer to this query has this form.
  const answer = (await ask({ url, key, body })) as { reportRunEvents: { edges: { cursor: string }[] } }
  return answer.reportRunEvents.edges[0]?.cursor ?? ''
}
