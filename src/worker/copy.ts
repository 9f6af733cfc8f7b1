import { createGzip, createZstdCompress, constants as zlib } from 'node:zlib'
import type { Pool, PoolClient } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { Compression } from '../database/generated/prisma/client.ts'
import type { Stages, Storage, StoredFile } from '../files/storage.ts'
import type { RenderedReport } from '../reports/render.ts'
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

export type CopyResult = StoredFile & { rowCount: bigint; dataAsOf: Date }

const compressors: Record<Compression, () => NodeJS.ReadWriteStream[]> = {
  NONE: () => [],
  GZIP: () => [createGzip({ level: 6 })],
  // Level 1 is faster than writing the bytes uncompressed, and smaller than gzip at 6.
  ZSTD: () => [createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: 1 } })],
}

/** Begins a read-only transaction with one snapshot for all that follows. */
const openSnapshot = async (client: PoolClient): Promise<{ pid: number; dataAsOf: Date }> => {
  await client.query('begin isolation level repeatable read read only')
  const { rows } = await client.query<{ pid: number; now: Date }>(
    'select pg_backend_pid() as pid, now() as now',
  )
  const [row] = rows
  if (!row) throw new Error('Postgres did not answer.')
  return { pid: row.pid, dataAsOf: row.now }
}

/**
 * Streams a report from Postgres into storage; memory does not grow with its size. Rows are counted and copied from
 * one snapshot.
 */
export const copyReport = async (options: CopyOptions): Promise<CopyResult> => {
  const { pool, storage, report, signal } = options
  signal.throwIfAborted()
  const client = await pool.connect()
  let isWhole = false
  try {
    const { pid, dataAsOf } = await openSnapshot(client)
    // Ending the connection alone would let a query that writes no rows yet go on unnoticed.
    const stop = (): void => {
      pool.query('select pg_cancel_backend($1)', [pid]).catch(() => {})
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      const counted = await client.query<{ rows: string }>(report.countText)
      signal.throwIfAborted()
      options.onStart(BigInt(counted.rows[0]?.rows ?? 0))

      const counter = createRowCounter(report.header)
      options.onRows(counter.rows)
      const copy = client.query(copyTo(report.copyText))
      const stages: Stages = [copy, counter.stream, ...compressors[options.compression]()]
      const stored = await storage.write(options.key, stages, signal)
      await client.query('commit')
      isWhole = true
      return { ...stored, rowCount: BigInt(counter.rows()), dataAsOf }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  } finally {
    // A connection that was cut short may still be sending rows: it is not used again.
    client.release(!isWhole)
  }
}
