import { DatabaseError, type Pool } from 'pg'
import { idPrefixes, idSql, randomIdWord } from '../../ids.ts'
import type { Transaction } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { enqueueCtes, queueEntry } from '../../postgres/queue.ts'
import { queryPrepared } from '../../postgres/rows.ts'
import { appendCtes, cursorAfter, type EventCursor } from '../follow/event-log.ts'
import { eventOf } from '../lifecycle/transition.ts'
import type { IdempotencyKey } from './idempotency.ts'
import { columnNames, createdRun, type NewRun, rowText } from './new-run.ts'
import { overDailyRuns } from './quota.ts'

/** Sends the statement: on a connection of its own, or in the transaction of the caller. */
export type SendCreation = (text: string, values: readonly unknown[]) => Promise<Created[]>

/** `id` is null when nothing was created: the key has a run, or the daily limit is reached. */
type Created = { isKnown: boolean } & (
  | { id: null }
  | ({ id: string; milliseconds: number; position: string; epoch: string } & Pick<
      ReportRun,
      'parameters' | 'metadata'
    >)
)

/**
 * Creates a run with everything that belongs to it, in one round trip. The creations of an account and mode wait for each other,
 * so the time from the first lock to the commit sets their rate. As a transaction of 13 statements, mostly through Prisma, a
 * creation took 4.5 times the CPU time in this process and twice that in Postgres, and the rate was a fifth.
 *
 * A part of the statement starts when the parts that it reads from have ended, so the order of the locks is the order of the
 * parts: clock, count, key, run, job, event log. All parts read the database as it was when the statement started, but
 * `on conflict do update` and the check of unique keys see the newest rows. So a key that a concurrent request has claimed
 * in the meantime violates the primary key, and nothing is created.
 */
const text = `
with given as materialized (
  select * from jsonb_populate_record(null::report_runs, $1::jsonb)
),
known as materialized (
  select from idempotency_keys as known, given
  where (known.account_id, known.livemode, known.key) = (given.account_id, given.livemode, $2::text)
),
-- Now, or just after the last run of the account and mode. So ids are in commit order, and a client that reads the list from the
-- last id that it has seen misses no run.
clock as (
  insert into run_clocks as clock (account_id, livemode, last_created_at)
  select account_id, livemode, $4::timestamptz from given where not exists (select from known)
  on conflict (account_id, livemode) do update
    set last_created_at = greatest(excluded.last_created_at, clock.last_created_at + interval '1 millisecond')
  returning last_created_at as created_at, (extract(epoch from last_created_at) * 1000)::bigint as milliseconds
),
counted as (
  insert into daily_run_counts as counts (account_id, livemode, day, runs)
  select account_id, livemode, ($4::timestamptz at time zone 'UTC')::date, 1 from given, clock
  on conflict (account_id, livemode, day) do update set runs = counts.runs + 1 where counts.runs < $5::integer
  returning account_id, livemode, day, runs
),
new as materialized (
  select ${idSql(idPrefixes.reportRun, 'milliseconds', '$6::text')} as id, created_at, milliseconds,
    -- Runs that were created since the statement started, which it does not see in the table.
    runs - 1 - coalesce((
      select runs from daily_run_counts as seen
      where (seen.account_id, seen.livemode, seen.day) = (counted.account_id, counted.livemode, counted.day)
    ), 0) as unseen
  from clock, counted
),
claimed as (
  insert into idempotency_keys (account_id, livemode, key, fingerprint, run_id, created_at)
  select account_id, livemode, $2::text, $3::bytea, new.id, $4::timestamptz from given, new where $2::text is not null
  returning 1
),
created as (
  insert into report_runs (id, created_at, ${columnNames})
  select new.id, new.created_at, ${columnNames} from (select ${columnNames} from given) as given, new, (select count(*) from claimed) as claims
  returning 1
),
entering as (
  -- A run that waits for data has no job until the data is available.
  select new.id as run_id, account_id, livemode, $7::text as group_id, $8::integer as priority, unseen
  from given, new where data_needed_until is null
), ${enqueueCtes},
change as (
  select account_id, livemode, new.id as run_id, 1 as run_version, 'STATUS_CHANGED'::"ReportRunEventKind" as kind,
    null::"ReportRunStatus" as from_status, status as to_status, requested_by_id as actor_id, $4::timestamptz as occurred_at
  from given, new, (select count(*) from created) as creations, (select count(*) from job) as jobs
), ${appendCtes}
select exists (select from known) as "isKnown", new.id, new.milliseconds::float8, head.position::text, head.epoch,
  -- As the columns have them: jsonb orders the keys.
  given.parameters, given.metadata
from given left join (new cross join head) on true`

/** SQLSTATE unique_violation. */
const duplicate = '23505'

/** Sends the creation outside any transaction, so that it commits by itself. */
export function sendTo(pool: Pool): SendCreation {
  return (sent, values) =>
    queryPrepared<Created>(pool, { name: 'create_run', text: sent, values: [...values] })
}

/** Sends the creation in a transaction. */
export function sendWithin(tx: Transaction): SendCreation {
  return (sent, values) => tx.$queryRawUnsafe(sent, ...values)
}

/**
 * Creates a run with its job and its first event, and claims its idempotency key. A run that waits for data gets its job later.
 *
 * @returns null when the key has a run already; nothing was created
 * @throws LimitError when the account has reached its daily limit
 */
export async function insertRun(
  send: SendCreation,
  run: NewRun,
  { idempotency, dailyRuns, at }: { idempotency: IdempotencyKey | null; dailyRuns: number; at: Date },
): Promise<{ run: ReportRun; eventCursor: EventCursor } | null> {
  const { groupId, priority } = queueEntry(run, at)
  const values = [
    rowText(run),
    idempotency?.key ?? null,
    idempotency?.fingerprint ?? null,
    at.toISOString(),
    dailyRuns,
    randomIdWord(),
    groupId,
    priority,
  ]
  const [row] = await send(text, values).catch(unlessClaimed)
  if (!row || row.isKnown) return null
  if (row.id === null) throw overDailyRuns(dailyRuns, at)
  const { id, milliseconds, parameters, metadata, position, epoch } = row
  const created = createdRun(run, { id, createdAt: new Date(milliseconds), parameters, metadata })
  const event = eventOf(created, { from: null, actorId: run.requestedById, at })
  return { run: created, eventCursor: cursorAfter({ ...event, position: BigInt(position) }, epoch) }
}

/** No rows for the error of a key that a concurrent request has claimed. */
function unlessClaimed(error: unknown): [] {
  if (error instanceof DatabaseError && error.code === duplicate && error.table === 'idempotency_keys')
    return []
  throw error
}
