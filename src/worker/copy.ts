import { DatabaseError, type Pool, type PoolClient, type QueryConfig } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { RenderedReport } from '../reports/render.ts'
import type { FileForm } from '../storage/file.ts'
import type { Storage, StoredFile } from '../storage/storage.ts'
import { SourceLostError } from './failure.ts'
import { createFormatStream } from './format-stream.ts'

/** A file that is to be written. */
export type PlannedFile = FileForm & {
  id: string
  /** Storage key of the file. */
  key: string
}

type CopyOptions = {
  /** Where the report's query runs. */
  pool: Pool
  storage: Storage
  report: RenderedReport
  /** They are written one after the other. */
  files: readonly PlannedFile[]
  /** Ends the query. Files that are whole by then stay; their keys are known to the caller, which planned them. */
  signal: AbortSignal
  /** Called once, before the first row. */
  onStart: (rowsExpected: bigint) => void
  /**
   * Called as each file is begun, with a function that returns how many rows were written so far: of several files their
   * mean, so that it grows from nothing to the number of rows.
   */
  onRows: (rowsWritten: () => number) => void
}

export type CopyResult = {
  files: readonly (PlannedFile & StoredFile & { rowCount: bigint })[]
  /** Rows in each file. */
  rowCount: bigint
  /** True when there were more rows than were written, because the report has a limit. */
  isPartial: boolean
  dataAsOf: Date
}

/** A process of Postgres. Its start distinguishes it from a later one with the same number. */
type Backend = { pid: number; startedAt: string }

const endMilliseconds = 5_000

/**
 * Streams a report from Postgres into storage; memory does not grow with its size. Rows are counted, and copied into every
 * file, from one snapshot.
 *
 * @throws SourceLostError when Postgres cannot be reached any more
 * @throws UnwritableValueError when a value has no place in one of the formats
 */
export async function copyReport(options: CopyOptions): Promise<CopyResult> {
  const { pool, signal } = options
  signal.throwIfAborted()
  const client = await connect(pool)
  let lost: Error | null = null
  const onLost = (error: Error): void => {
    lost = error
  }
  client.on('error', onLost)
  // Whatever is being waited for fails at once.
  const stop = (): void => void client.end().catch(() => {})
  signal.addEventListener('abort', stop, { once: true })
  let snapshot: Awaited<ReturnType<typeof openSnapshot>> | null = null
  let isWhole = false
  try {
    snapshot = await openSnapshot(client)
    signal.throwIfAborted()
    const copied = await copyFiles(client, options)
    isWhole = true
    return { ...copied, dataAsOf: snapshot.dataAsOf }
  } catch (error) {
    throw lost ? new SourceLostError('The connection to the data source broke.', { cause: error }) : error
  } finally {
    signal.removeEventListener('abort', stop)
    if (isWhole) client.off('error', onLost)
    // A connection that was cut short may still be sending rows: it is not used again.
    client.release(!isWhole)
    if (snapshot && !isWhole) await endBackend(pool, snapshot).catch(() => {})
  }
}

/** Bounds the time of the next statement. Said before each, because a report of others may have set it for itself. */
async function limitTime(client: PoolClient, { limits }: RenderedReport): Promise<void> {
  if (limits) await client.query(`set local statement_timeout = '${limits.seconds}s'`)
}

/** Counts the rows, then writes them into each file. */
async function copyFiles(
  client: PoolClient,
  { storage, report, files, signal, onStart, onRows }: CopyOptions,
): Promise<Omit<CopyResult, 'dataAsOf'>> {
  await limitTime(client, report)
  const counted = await client.query<{ rows: string }>(report.countText)
  signal.throwIfAborted()
  const rowsThere = BigInt(counted.rows[0]?.rows ?? 0)
  // With a limit, one row more is counted than may be written.
  const isLimited = report.limits !== null && rowsThere > report.limits.rows
  const rowsExpected = isLimited ? rowsThere - 1n : rowsThere
  onStart(rowsExpected)

  const copied: CopyResult['files'][number][] = []
  let rowsBefore = 0
  for (const file of files) {
    const { stages, rows } = createFormatStream(report, file, rowsExpected)
    const before = rowsBefore
    onRows(() => Math.floor((before + rows()) / files.length))
    await limitTime(client, report)
    const copy = client.query(copyTo(report.copyText[file.format]))
    // It only emits its errors: without this, one that comes before the file is open would leave the file waiting.
    copy.on('error', (error) => copy.destroy(error))
    const stored = await storage.write(file.key, [copy, ...stages], signal)
    copied.push({ ...file, ...stored, rowCount: BigInt(rows()) })
    rowsBefore += rows()
  }
  // There is nothing to commit, and what a report of others has set or announced is not to stay.
  await client.query('rollback')
  const rowCount = copied[0]?.rowCount ?? 0n
  return { files: copied, rowCount, isPartial: rowCount < rowsThere }
}

/** @throws SourceLostError when Postgres cannot be reached */
async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect()
  } catch (cause) {
    if (cause instanceof DatabaseError) throw cause
    throw new SourceLostError('The data source cannot be reached.', { cause })
  }
}

/** Begins a read-only transaction with one snapshot for all that follows. */
async function openSnapshot(client: PoolClient) {
  await client.query('begin isolation level repeatable read read only')
  const { rows } = await client.query<Backend & { dataAsOf: Date }>(
    'select pid, backend_start::text as "startedAt", now() as "dataAsOf" from pg_stat_activity where pid = pg_backend_pid()',
  )
  const [row] = rows
  if (!row) throw new Error('Postgres did not say which of its processes this is.')
  return row
}

/**
 * Ends a process of Postgres, whatever it is at. To close its connection is not enough, because a query that writes no
 * rows yet would go on unnoticed; to cancel its query neither, because between two statements that does nothing, and
 * while it waits for its rows to be read it is not heard.
 */
async function endBackend(pool: Pool, { pid, startedAt }: Backend): Promise<void> {
  const end: QueryConfig & { query_timeout: number } = {
    text: 'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz',
    values: [pid, startedAt],
    // What broke the one connection may have broken this one as well.
    query_timeout: endMilliseconds,
  }
  await pool.query(end)
}
