import type { Pool, PoolClient } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { RenderedReport } from '../reports/render.ts'
import type { FileForm } from '../storage/file.ts'
import type { Storage, StoredFile } from '../storage/storage.ts'
import { SourceLostError } from './failure.ts'
import { createFormatStream } from './format-stream.ts'
import { connect, endBackend, openSnapshot, type Snapshot } from './snapshot.ts'

/** A file that is to be written. */
export type PlannedFile = FileForm & {
  id: string
  /** Storage key of the file. */
  key: string
}

export type CopyOptions = {
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

export type CopiedFile = PlannedFile & StoredFile & { rowCount: bigint }

export type CopyResult = {
  files: readonly CopiedFile[]
  /** Rows in each file. */
  rowCount: bigint
  /** True when there were more rows than were written, because the report has a limit. */
  isPartial: boolean
  dataAsOf: Date
}

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
  // While it is lent out the pool does not listen, and an error without a listener ends the process.
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
    if (snapshot && !isWhole) await endBackend(pool, snapshot.backend).catch(() => {})
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

  const copied: CopiedFile[] = []
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
