import type { Database } from '../../framework/database.ts'

/** Numbers of rows that requests have created since `deleteCreated`, by table. A request creates one in each. */
export async function countCreated(database: Database): Promise<Record<string, number>> {
  const [counts] = await database.query<Record<string, number>>(`
    select (select count(*)::integer from idempotency_keys) as idempotency_keys,
      (select count(*)::integer from report_runs where status = 'PENDING') as report_runs,
      (select count(*)::integer from report_run_events) as report_run_events,
      (select count(*)::integer from report_gateway_queue.job where name = 'report-run') as job,
      (select coalesce(sum(runs), 0)::integer from daily_run_counts) as daily_run_counts`)
  return counts ?? {}
}

/** Deletes what requests have created. */
export async function deleteCreated(database: Database): Promise<void> {
  await database.query(`
    delete from report_gateway_queue.job where name = 'report-run';
    truncate idempotency_keys, report_run_events, daily_run_counts;
    delete from report_runs where status = 'PENDING'`)
  await database.query('vacuum report_gateway_queue.job, report_runs')
}
