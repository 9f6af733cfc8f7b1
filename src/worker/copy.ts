import { createGzip, createZstdCompress, constants as zlib } from 'node:zlib'
import { DatabaseError, type Pool, type PoolClient, type QueryConfig } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { Compression } from '../database/generated/prisma/client.ts'
import type { Stages, Storage, StoredFile } from '../files/storage.ts'
import type { RenderedReport } from '../reports/render.ts'
import { SourceLostError } from './failure.ts'
import { createRowCounter } from './row-counter.ts'

export type CopyOptions = {
  /** Where the report's query runs. */
  pool: Pool
  storage: Storage
  report: RenderedReport
  /** Storage key of the file. */
  key: string
  compression: Compression
  /** Ends the query and leaves no file. */
  signal: AbortSignal
  /** Called once, before the first row. */
  onStart: (rowsExpected: bigint) => void
  /** Called with a function that tells, at any time while rows are written, how many were. */
  onRows: (rowsWritten: () => number) => void
}

export type CopyResult = StoredFile & {
  rowCount: bigint
  /** True when there were more rows than the report may write. */
  isPartial: boolean
  dataAsOf: Date
}

const compressors: Record<Compression, () => NodeJS.ReadWriteStream[]> = {
  NONE: () => [],
  GZIP: () => [createGzip({ level: 6 })],
  // Level 1 is faster than writing the bytes uncompressed, and smaller than gzip at 6.
  ZSTD: () => [createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: 1 } })],
}

const connect = async (pool: Pool): Promise<PoolClient> => {
  try {
    return await pool.connect()
  } catch (cause) {
    if (cause instanceof DatabaseError) throw cause
    throw new SourceLostError('The data source cannot be reached.', { cause })
  }
}

type Snapshot = {
  /** The process of Postgres behind the connection. Its start tells it from a later one with the same number. */
  backend: { pid: number; startedAt: string }
  dataAsOf: Date
}

/** Begins a read-only transaction with one snapshot for all that follows. */
const openSnapshot = async (client: PoolClient): Promise<Snapshot> => {
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
const endBackend = async (pool: Pool, { pid, startedAt }: Snapshot['backend']): Promise<void> => {
  const end: QueryConfig & { query_timeout: number } = {
    text: 'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz',
    values: [pid, startedAt],
    // What broke the one connection may have broken this one as well.
    query_timeout: endMilliseconds,
  }
  await pool.query(end)
}

/** Bounds the time of the next statement. Said before each, because a report of others may have set it for itself. */
const limitTime = async (client: PoolClient, { limits }: RenderedReport): Promise<void> => {
  if (limits) await client.query(`set local statement_timeout = '${limits.seconds}s'`)
}

/** Counts the rows, then writes them. */
const copyRows = async (
  client: PoolClient,
  { storage, report, key, compression, signal, onStart, onRows }: CopyOptions,
): Promise<Omit<CopyResult, 'dataAsOf'>> => {
  await limitTime(client, report)
  const counted = await client.query<{ rows: string }>(report.countText)
  signal.throwIfAborted()
  const rows = BigInt(counted.rows[0]?.rows ?? 0)
  const isPartial = report.limits !== null && rows > report.limits.rows
  onStart(isPartial ? rows - 1n : rows)

  const counter = createRowCounter(report.header)
  onRows(counter.rows)
  await limitTime(client, report)
  const copy = client.query(copyTo(report.copyText))
  // It only emits its errors: without this, one that comes before the file is open would leave the file waiting.
  copy.on('error', (error) => copy.destroy(error))
  const stages: Stages = [copy, counter.stream, ...compressors[compression]()]
  const stored = await storage.write(key, stages, signal)
  // There is nothing to commit, and what a report of others has set or announced is not to stay.
  await client.query('rollback')
  return { ...stored, rowCount: BigInt(counter.rows()), isPartial }
}

/**
 * Streams a report from Postgres into storage; memory does not grow with its size. Rows are counted and copied from
 * one snapshot.
 *
 * @throws SourceLostError when Postgres cannot be reached any more
 */
export const copyReport = async (options: CopyOptions): Promise<CopyResult> => {
  const { pool, signal } = options
  signal.throwIfAborted()
  const client = await connect(pool)
  // While it is lent out nobody else listens, and an error that nobody hears ends the process.
  let lost: Error | null = null
  const onLost = (error: Error): void => {
    lost = error
  }
  client.on('error', onLost)
  // Whatever is being waited for fails at once.
  const stop = (): void => void client.end().catch(() => {})
  signal.addEventListener('abort', stop, { once: true })
  let snapshot: Snapshot | null = null
  let isWhole = false
  try {
    snapshot = await openSnapshot(client)
    signal.throwIfAborted()
    const copied = await copyRows(client, options)
    isWhole = true
    return { ...copied, dataAsOf: snapshot.dataAsOf }
  } catch (error) {
    throw lost ? new SourceLostError('The connection to the data source broke.', { cause: error }) : error
  } finally {
    signal.removeEventListener('abort', stop)
    if (isWhole) client.off('error', onLost)
    // A connection that was cut short may still be sending rows: it is not used again.
    client.release(!isWhole)
    if (snapshot && !isWhole) await endBackend(pool, snapshot.backend).catch(() => {})
  }
}
