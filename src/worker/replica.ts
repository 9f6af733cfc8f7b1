import type { ClientBase, QueryConfig } from 'pg'
import type { Prisma } from '../postgres/client.ts'
import type { ReportRun } from '../postgres/generated/prisma/client.ts'

/** What the replica of a run must have before the run may read it, and how long the run waits for that. */
export type ReplicaWait = {
  /** True when this connection sees everything that the checks of the run saw on the primary. */
  isFresh: (client: ClientBase) => Promise<boolean>
  seconds: number
}

const answerMilliseconds = 5_000

// After a failover, a server that has left the history of the primary can be further ahead in a history of its own. It does
// not have the claim of this run.
const freshText = `
  select (not pg_is_in_recovery() or pg_last_wal_replay_lsn() >= $1::pg_lsn)
    and exists (select from report_runs where id = $2 and execution >= $3) as "isFresh"`

/**
 * Notes where the primary is. Call it after the checks of the run, whose coverage, payouts and other data are on the primary
 * by then.
 *
 * @param seconds how long the run waits for the replica
 */
export async function noteForReplica(
  prisma: Pick<Prisma, '$queryRaw'>,
  { id, execution }: Pick<ReportRun, 'id' | 'execution'>,
  seconds: number,
): Promise<ReplicaWait> {
  // Not the position that is written or flushed: with synchronous_commit off, a commit is visible before that.
  const [row] = await prisma.$queryRaw<{ lsn: string }[]>`select pg_current_wal_insert_lsn()::text as lsn`
  const isFresh: ReplicaWait['isFresh'] = async (client) => {
    const query: QueryConfig & { query_timeout: number } = {
      text: freshText,
      values: [row?.lsn, id, execution],
      query_timeout: answerMilliseconds,
    }
    const { rows } = await client.query<{ isFresh: boolean | null }>(query)
    return rows[0]?.isFresh === true
  }
  return { isFresh, seconds }
}
