import type { ReportRun } from '../../src/postgres/generated/prisma/client.ts'
import type { TestDatabase } from './database.ts'

/** Appends `count` events of a run to the log of its account in one statement, then wakes the followers. */
export async function appendMany(
  database: TestDatabase,
  { id, accountId }: ReportRun,
  count: number,
): Promise<void> {
  await database.query(
    `with head as (
      insert into event_log_heads as head (account_id, livemode, position, epoch)
      select $1, false, $3, epoch from event_log_histories
      on conflict (account_id, livemode) do update set position = head.position + $3
      returning position - $3 as start
    )
    insert into report_run_events
      (account_id, livemode, position, run_id, run_version, kind, from_status, to_status, occurred_at)
    select $1, false, head.start + number, $2, 1, 'STATUS_CHANGED', 'RUNNING', 'RUNNING', now()
    from head, generate_series(1, $3) as number`,
    [accountId, id, count],
  )
  await database.query("select pg_notify('report_gateway_events', $1)", [`${accountId}:test`])
}
