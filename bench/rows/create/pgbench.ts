import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../../framework/database.ts'
import type { BenchAccount } from '../../framework/fill-runs.ts'
import { runPinned } from '../../framework/programs.ts'
import type { Side } from '../../framework/rounds.ts'

/**
 * The rows of a run, written by pgbench in one transaction of prepared statements, without any check of the request. Ids follow
 * those of all runs, as those of new runs do.
 */
function transactionOf(accounts: readonly BenchAccount[]): string {
  const pick = (values: readonly string[]): string =>
    `(array['${values.join("', '")}'])[:client_id::integer % ${values.length} + 1]`
  const account = pick(accounts.map(({ accountId }) => accountId))
  const key = pick(accounts.map(({ apiKeyId }) => apiKeyId))
  const id = "'frr_01zzzz' || lpad(currval('public.bench_runs')::text, 19, '0')"
  return `
begin;
insert into idempotency_keys (account_id, livemode, key, fingerprint, run_id, created_at)
  values (${account}, false, 'bench-' || nextval('public.bench_runs'), sha256('request'), ${id}, now()) on conflict do nothing;
insert into run_clocks as clock (account_id, livemode, last_created_at) values (${account}, false, now())
  on conflict (account_id, livemode) do update
    set last_created_at = greatest(excluded.last_created_at, clock.last_created_at + interval '1 millisecond');
insert into daily_run_counts as counts (account_id, livemode, day, runs) values (${account}, false, current_date, 1)
  on conflict (account_id, livemode, day) do update set runs = counts.runs + 1 where counts.runs < 100000000;
insert into report_runs (id, account_id, livemode, report_type, parameters, formats, compression, metadata, tags, status, requested_by_id, created_at, request_hash)
  values (${id}, ${account}, false, 'balance.summary.1', '{"interval_start": "2026-01-01T00:00:00.000Z", "interval_end": "2026-02-01T00:00:00.000Z", "timezone": "Etc/UTC"}', '{CSV}', 'NONE', '{}', '{}', 'PENDING', ${key}, now(), sha256('request'));
insert into report_gateway_queue.job (name, data, priority, group_id)
  values ('report-run', jsonb_build_object('runId', ${id}), 0, ${account});
with head as (
  insert into event_log_heads as head (account_id, livemode, position) values (${account}, false, 1)
  on conflict (account_id, livemode) do update set position = head.position + 1 returning position
)
insert into report_run_events (account_id, livemode, position, run_id, run_version, kind, to_status, actor_id, occurred_at)
  select ${account}, false, position, ${id}, 1, 'STATUS_CHANGED', 'PENDING', ${key}, now() from head;
commit;
`
}

/** A side that writes the same rows by pgbench, from the core of the side. */
export function pgbenchSide(
  pgbench: string,
  { url, query }: Database,
  accounts: readonly BenchAccount[],
  { clients, seconds }: { clients: number; seconds: number },
  after: (requests: number) => Promise<void>,
): Side {
  return {
    name: 'pgbench',
    measure: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'report-gateway-pgbench-'))
      const script = join(folder, 'create.sql')
      await writeFile(script, transactionOf(accounts))
      await query('create sequence if not exists public.bench_runs')
      const options = [
        '-n',
        '-M',
        'prepared',
        '-c',
        String(clients),
        '-T',
        String(Math.ceil(seconds)),
        '-l',
        '-f',
        script,
      ]
      const environment = { PGOPTIONS: '-c search_path=report_gateway' }
      const output = await runPinned({ program: pgbench, args: [...options, url], environment, folder })
      const times = await readTimes(folder)
      await rm(folder, { recursive: true })
      await after(times.length)
      const quantile = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN
      const perSecond = Number(/tps = ([\d.]+)/.exec(output)?.[1])
      return { 'requests/s': perSecond, p50: quantile(0.5), p99: quantile(0.99) }
    },
  }
}

/** The times of all transactions from pgbench's log, in milliseconds, sorted. */
async function readTimes(folder: string): Promise<number[]> {
  const logs = (await readdir(folder)).filter((name) => name.startsWith('pgbench_log'))
  const texts = await Promise.all(logs.map((name) => readFile(join(folder, name), 'utf8')))
  const lines = texts.flatMap((text) => text.trim().split('\n'))
  return lines.map((line) => Number(line.split(' ')[2]) / 1000).sort((a, b) => a - b)
}
