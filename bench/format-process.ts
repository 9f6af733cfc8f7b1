// Writes one report for formats.ts. Arguments: DATABASE_URL ROWS FORMATS COMPRESSION. Prints seconds, rows/s, MB, and MB of
// memory growth.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPool } from '../src/postgres/client.ts'
import { Compression, ReportFormat } from '../src/postgres/generated/prisma/client.ts'
import { renderReport } from '../src/reports/render.ts'
import { createLocalStorage } from '../src/storage/local-storage.ts'
import { type CopyResult, copyReport } from '../src/worker/copy.ts'
import { builtInType } from '../test/support/built-in-type.ts'

const activityItemized3 = builtInType('balance_change_from_activity.itemized.3')

const [url = '', rows = '', formats = '', compressionName = ''] = process.argv.slice(2)
const start = Date.parse('2026-01-01T00:00:00Z')
const compression = Object.values(Compression).find((name) => name === compressionName) ?? 'NONE'
const files = Object.values(ReportFormat)
  .filter((format) => formats.split(',').includes(format))
  .map((format) => ({ id: format, key: format, format, compression }))

const folder = await mkdtemp(join(tmpdir(), 'report-gateway-bench-'))
const pool = createPool({ url, max: 2, applicationName: 'bench', onError: () => {} })

function write(rowCount: number): Promise<CopyResult> {
  return copyReport({
    pool,
    replica: null,
    storage: createLocalStorage(folder),
    report: renderReport(
      activityItemized3,
      { accountId: 'acct_bench', livemode: false },
      {
        interval_start: new Date(start).toISOString(),
        interval_end: new Date(start + rowCount * 1000).toISOString(),
        timezone: 'Europe/Berlin',
        columns: activityItemized3.columns.flatMap(({ name, isDefault }) => (isDefault ? [name] : [])),
      },
    ),
    files,
    signal: new AbortController().signal,
    onExpect: () => {},
    onRows: () => {},
  })
}

await write(5_000)
const before = process.memoryUsage.rss()
let max = before
setInterval(() => {
  max = Math.max(max, process.memoryUsage.rss())
}, 20).unref()
const startedAt = performance.now()
const { rowCount, files: written } = await write(Number(rows))
const seconds = (performance.now() - startedAt) / 1000
if (rowCount !== BigInt(rows)) throw new Error(`${rowCount} rows were written.`)
const bytes = written.reduce((sum, { byteSize }) => sum + Number(byteSize), 0)
const figures = [
  seconds.toFixed(1),
  Math.round(Number(rows) / seconds).toLocaleString('en'),
  (bytes / 1e6).toFixed(0),
  ((max - before) / 1e6).toFixed(1),
]
process.stdout.write(figures.join(' '))
await pool.end()
await rm(folder, { recursive: true })
