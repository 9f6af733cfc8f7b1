import { DatabaseError, type Pool, type PoolClient, type QueryConfig } from 'pg'
import { SourceLostError } from './failure.ts'

/** @throws SourceLostError when Postgres cannot be reached */
export async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect()
  } catch (cause) {
    if (cause instanceof DatabaseError) throw cause
    throw new SourceLostError('The data source cannot be reached.', { cause })
  }
}

export type Snapshot = {
  /** The process of Postgres behind the connection. Its start distinguishes it from a later one with the same number. */
  backend: { pid: number; startedAt: string }
  dataAsOf: Date
}

/** Begins a read-only transaction with one snapshot for all that follows. */
export async function openSnapshot(client: PoolClient): Promise<Snapshot> {
  await client.query('begin isolation level repeatable read read only')
  const { rows } = await client.query<{ pid: number; startedAt: string; now: Date }>(
    'select pid, backend_start::text as "startedAt", now() as now from pg_stat_activity where pid = pg_backend_pid()',
  )
  const [row] = rows
  if (!row) throw new Error('Postgres did not say which of its processes this is.')
  return { backend: { pid: row.pid, startedAt: row.startedAt }, dataAsOf: row.now }
}

const endMilliseconds = 5_000

/**
 * Ends a process of Postgres, whatever it is at. To close its connection is not enough, because a query that writes no
 * rows yet would go on unnoticed; to cancel its query neither, because between two statements that does nothing, and
 * while it waits for its rows to be read it is not heard.
 */
export async function endBackend(pool: Pool, { pid, startedAt }: Snapshot['backend']): Promise<void> {
  const end: QueryConfig & { query_timeout: number } = {
    text: 'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz',
    values: [pid, startedAt],
    // What broke the one connection may have broken this one as well.
    query_timeout: endMilliseconds,
  }
  await pool.query(end)
}
