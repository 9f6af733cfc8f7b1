import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseError, type Pool, type PoolClient, type QueryConfig } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { isOutage, isShortage } from '../postgres/outage.ts'
import { countRows, planRows } from '../reports/estimate-rows.ts'
import type { RenderedReport } from '../reports/render.ts'
import type { FileForm } from '../storage/file.ts'
import type { Storage, StoredFile } from '../storage/storage.ts'
import { SourceLostError, StaleReplicaError, StatementTimeoutError } from './failure.ts'
import { createFormatStream } from './format-stream.ts'
import type { ReplicaWait } from './replica.ts'

/** A file to write. */
export type PlannedFile = FileForm & {
  id: string
  /** Storage key of the file. */
  key: string
}

type CopyOptions = {
  /** Where the report's query runs. */
  pool: Pool
  /** What the server of the pool must have first; null when it is the primary. */
  replica: ReplicaWait | null
  storage: Storage
  report: RenderedReport
  /** Written one after the other. */
  files: readonly PlannedFile[]
  /** Aborts the query. Files that are complete by then stay in storage; the caller knows their keys. */
  signal: AbortSignal
  /** Called before the first row, and again when the number becomes exact. */
  onExpect: (rows: ExpectedRows) => void
  /**
   * Called when each file starts, with a function that returns the number of rows written so far. With several files it
   * returns the mean over all files, so that it grows from 0 to the number of rows.
   */
  onRows: (rowsWritten: () => number) => void
}

/** The number of rows of a report. One that is not exact is the planner's estimate, which can be wrong by any factor. */
export type ExpectedRows = { count: number; isExact: boolean }

export type CopyResult = {
  files: readonly (PlannedFile & StoredFile & { rowCount: bigint })[]
  /** Rows in each file. */
  rowCount: bigint
  /** True when the report's row limit left rows out. */
  isPartial: boolean
  dataAsOf: Date
}

/** A Postgres server process. Its start time distinguishes it from a later process with the same pid. */
type Backend = { pid: number; startedAt: string }

const endMilliseconds = 5_000
/** Postgres ends a statement that is over its limit itself within this time, in almost all cases. */
const graceMilliseconds = 2_000
const retryMilliseconds = 200

/**
 * Streams a report from Postgres into storage. Memory use does not grow with the size of the report. The row count and
 * all files come from one snapshot.
 *
 * @throws SourceLostError when Postgres cannot be reached or the connection breaks
 * @throws StaleReplicaError when the replica does not have the data in time
 * @throws UnwritableValueError when one of the formats cannot represent a value
 */
export async function copyReport(options: CopyOptions): Promise<CopyResult> {
  const { pool, signal, report } = options
  signal.throwIfAborted()
  const client = await connect(options)
  let lost: Error | null = null
  const onLost = (error: Error): void => {
    lost = error
  }
  client.on('error', onLost)
  // Closing the connection makes every pending query fail at once.
  const stop = (): void => void client.end().catch(() => {})
  signal.addEventListener('abort', stop, { once: true })
  const watchdog = createWatchdog(report, stop)
  let snapshot: Awaited<ReturnType<typeof openSnapshot>> | null = null
  let isComplete = false
  try {
    snapshot = await openSnapshot(client)
    signal.throwIfAborted()
    const copied = await copyFiles(client, watchdog, options)
    isComplete = true
    return { ...copied, dataAsOf: snapshot.dataAsOf }
  } catch (error) {
    if (watchdog.hasEnded()) throw new StatementTimeoutError()
    throw lost ? new SourceLostError('The connection to the data source broke.', { cause: error }) : error
  } finally {
    signal.removeEventListener('abort', stop)
    watchdog.stop()
    if (isComplete) client.off('error', onLost)
    // An interrupted connection can still be sending rows, so the pool discards it.
    client.release(!isComplete)
    if (snapshot && !isComplete) await endBackend(pool, snapshot).catch(() => {})
  }
}

/**
 * Ends a report whose statement runs much longer than its limit. Postgres ends a statement itself, but not while it makes
 * one large value, and not while it waits for its client to read.
 */
function createWatchdog({ limits }: RenderedReport, end: () => void) {
  let timer: NodeJS.Timeout | undefined
  let hasEnded = false
  return {
    /** Limits the time of the next statement. Called before each, because a custom report can change the limit. */
    limitTime: async (client: PoolClient): Promise<void> => {
      clearTimeout(timer)
      if (!limits) return
      const onLate = (): void => {
        hasEnded = true
        end()
      }
      timer = setTimeout(onLate, limits.seconds * 1_000 + graceMilliseconds)
      await client.query(`set local statement_timeout = '${limits.seconds}s'`)
    },
    hasEnded: (): boolean => hasEnded,
    stop: (): void => clearTimeout(timer),
  }
}

/** Finds out how many rows to expect, then writes them into each file. */
async function copyFiles(
  client: PoolClient,
  { limitTime }: ReturnType<typeof createWatchdog>,
  { storage, report, files, signal, onExpect, onRows }: CopyOptions,
): Promise<Omit<CopyResult, 'dataAsOf'>> {
  await limitTime(client)
  const { found, ...expected } = await expectRows(client, report, files)
  signal.throwIfAborted()
  onExpect(expected)

  const copied: CopyResult['files'][number][] = []
  let rowsBefore = 0
  for (const file of files) {
    const { stages, rows } = createFormatStream(report, file, expected.count)
    const before = rowsBefore
    onRows(() => Math.floor((before + rows()) / files.length))
    await limitTime(client)
    const copy = client.query(copyTo(report.copyText[file.format]))
    // The stream emits errors without ending: an error before the file is open would block the write forever.
    copy.on('error', (error) => copy.destroy(error))
    const stored = await storage.write(file.key, [copy, ...stages], signal)
    copied.push({ ...file, ...stored, rowCount: BigInt(rows()) })
    rowsBefore += rows()
    // All files have the same rows.
    onExpect({ count: rows(), isExact: true })
  }
  // There is nothing to commit, and the rollback discards settings and notifications of a custom report.
  await client.query('rollback')
  const rowCount = copied[0]?.rowCount ?? 0n
  return { files: copied, rowCount, isPartial: found !== null && rowCount < found }
}

/**
 * Estimates the number of rows, because a count of millions of rows takes up to a quarter of the time of writing them. Two
 * cases need the exact number: a row limit, which can leave rows out, and the memory limit of a Parquet file.
 */
async function expectRows(
  client: PoolClient,
  { rowsText, limits }: RenderedReport,
  files: readonly PlannedFile[],
): Promise<ExpectedRows & { found: number | null }> {
  if (!limits && !files.some(({ format }) => format === 'PARQUET')) {
    const { rows } = await planRows(client, rowsText)
    return { count: rows, isExact: false, found: null }
  }
  const found = await countRows(client, rowsText)
  // With a limit, the count stops one row above it, which shows that rows are left out.
  return { count: Math.min(found, limits?.rows ?? found), isExact: true, found }
}

/**
 * Takes a connection of the pool, and waits while there is none: that is no fault of the report. Waits for a replica, too, for
 * a limited time: until it answers and has the data.
 *
 * @throws SourceLostError when Postgres cannot be reached
 * @throws StaleReplicaError when the replica does not have the data in time
 */
async function connect({ pool, signal, replica }: CopyOptions): Promise<PoolClient> {
  const limit = performance.now() + (replica?.seconds ?? 0) * 1_000
  while (true) {
    const isLate = performance.now() >= limit
    const client = await tryConnect(pool, replica).catch((cause: unknown) => {
      const canPass = cause instanceof StaleReplicaError || isOutage(cause)
      if (isShortage(cause) || (canPass && !isLate)) return null
      if (cause instanceof StaleReplicaError || cause instanceof DatabaseError) throw cause
      throw new SourceLostError('The data source cannot be reached.', { cause })
    })
    if (client && !signal.aborted) return client
    client?.release()
    signal.throwIfAborted()
    await delay(retryMilliseconds)
    signal.throwIfAborted()
  }
}

async function tryConnect(pool: Pool, replica: ReplicaWait | null): Promise<PoolClient> {
  const client = await pool.connect()
  let isFresh = false
  try {
    isFresh = replica === null || (await replica.isFresh(client))
  } catch (error) {
    client.release(true)
    throw error
  }
  if (isFresh) return client
  client.release()
  throw new StaleReplicaError()
}

/** Starts a read-only transaction that gives all later statements the same snapshot. */
async function openSnapshot(client: PoolClient) {
  await client.query('begin isolation level repeatable read read only')
  const { rows } = await client.query<Backend & { dataAsOf: Date }>(
    'select pid, backend_start::text as "startedAt", now() as "dataAsOf" from pg_stat_activity where pid = pg_backend_pid()',
  )
  const [row] = rows
  if (!row) throw new Error('pg_stat_activity has no row for the connection of this report.')
  return row
}

/**
 * Terminates a Postgres server process, whatever its state. Closing its connection is not enough, because Postgres does
 * not notice that during a query that sends no rows yet. Canceling its query is not enough either: between two statements
 * a cancellation does nothing, and a process that waits for its client to read rows does not react to it.
 */
async function endBackend(pool: Pool, { pid, startedAt }: Backend): Promise<void> {
  const end: QueryConfig & { query_timeout: number } = {
    text: 'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz',
    values: [pid, startedAt],
    // The fault that broke the first connection can affect this one too.
    query_timeout: endMilliseconds,
  }
  await pool.query(end)
}
