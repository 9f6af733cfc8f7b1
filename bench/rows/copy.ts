import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { startOurs } from '../framework/ours.ts'
import { folderOf } from '../framework/peers.ts'
import type { PinnedProcess } from '../framework/pinned.ts'
import { findProgram, runPinned } from '../framework/programs.ts'
import { type FinishedRun, runReport } from '../framework/report-runs.ts'
import { type CaseResult, type GoalResult, medianOf, ratioGoal } from '../framework/result.ts'
import type { Side } from '../framework/rounds.ts'
import type { Bench, Row } from '../framework/row.ts'
import { copyStatement, plainSelect, wholeLedger } from './copy/report-sql.ts'

const cursorScript = fileURLToPath(new URL('./copy/cursor-process.ts', import.meta.url))

export const copy: Row = {
  name: 'copy',
  work: 'An itemized report of 2,000,000 rows as a stored file with its SHA-256 and number of rows, from the start of the run to its end. CSV has a guard against formulas in spreadsheets.',
  figures: [
    { name: 'seconds', unit: '', decimals: 2 },
    { name: 'rows/s', unit: '', decimals: 0 },
    { name: 'file', unit: 'MB', decimals: 0 },
    { name: 'growth', unit: 'MB', decimals: 0 },
  ],
  chart: 'seconds',
  peers: ['duckdb'],
  async run(bench) {
    const { accounts, database, environment, ledger } = await bench.ledgerDatabase()
    const [account] = accounts
    if (!account) throw new Error('The database has no account.')
    await using ours = await startOurs({ ...environment, CONCURRENCY: '1' })
    await bench.postgres.pinToLoad()
    const folder = await bench.makeFolder()
    const write =
      (format: string, compression = 'NONE') =>
      (): Promise<FinishedRun> =>
        runReport({ url: ours.url, key: account.key }, wholeLedger(ledger, format, compression))
    // Memory grows once when code is first used, whatever the number of rows.
    const small = { ...ledger, end: new Date(ledger.start.getTime() + 5_000_000) }
    for (const format of ['CSV', 'PARQUET'])
      await runReport({ url: ours.url, key: account.key }, wholeLedger(small, format))

    const { copy: statement, header } = copyStatement(account.accountId, ledger)
    const plain = plainSelect(account.accountId)
    const file = (name: string): string => join(folder, name)
    const psql = findProgram('psql')
    const writeCopy = (sql: string, to: string) =>
      runPinned({
        program: psql ?? '',
        args: ['-qX', '-d', database.url, '-c', sql, '-o', to],
        environment: searchPath,
      })
    const copyPlain = () => writeCopy(`copy (${plain}) to stdout (format csv, header)`, file('plain.csv'))

    const csv: Side[] = [{ name: 'ours', measure: () => measureRun(ours, write('CSV')) }]
    if (psql) {
      await writeCopy(statement, file('same.csv'))
      await checkSameBytes(await write('CSV')(), header, file('same.csv'))
      const same = () => writeCopy(statement, file('same.csv'))
      csv.push({ name: 'psql, same SQL', measure: () => measureFile(same, file('same.csv'), ledger.rows) })
      csv.push({
        name: 'psql, plain SQL',
        measure: () => measureFile(copyPlain, file('plain.csv'), ledger.rows),
      })
    } else bench.note('psql is left out: it is not installed (Debian: postgresql-client).')
    const cursor = () =>
      runPinned({ program: process.execPath, args: [cursorScript, database.url, plain, file('cursor.csv')] })
    csv.push({ name: 'cursor', measure: () => measureFile(cursor, file('cursor.csv'), ledger.rows) })

    const cases: CaseResult[] = [await bench.measure('CSV', csv, { isWarm: false })]
    for (const compression of ['ZSTD', 'GZIP']) {
      const side: Side = { name: 'ours', measure: () => measureRun(ours, write('CSV', compression)) }
      cases.push(await bench.measure(`CSV, ${compression.toLowerCase()}`, [side], { isWarm: false }))
    }
    const parquet: Side[] = [{ name: 'ours', measure: () => measureRun(ours, write('PARQUET', 'ZSTD')) }]
    if (psql)
      parquet.push(
        duckdbSide(
          bench,
          database.url,
          plain,
          copyPlain,
          { csv: file('plain.csv'), file: file('duckdb.parquet') },
          ledger.rows,
        ),
      )
    cases.push(await bench.measure('Parquet, zstd', parquet, { isWarm: false }))
    return { cases, goals: goalsOf(cases) }
  },
}

const searchPath = { PGOPTIONS: '-c search_path=report_gateway' }

/** Runs a report, and watches the memory of the process. */
async function measureRun(ours: PinnedProcess, write: () => Promise<FinishedRun>) {
  const before = ours.memoryBytes()
  let max = before
  const watch = setInterval(() => {
    max = Math.max(max, ours.memoryBytes())
  }, 50)
  const { seconds, rowCount, files } = await write().finally(() => clearInterval(watch))
  const bytes = files.reduce((sum, { byteSize }) => sum + byteSize, 0)
  return { seconds, 'rows/s': rowCount / seconds, file: bytes / 1e6, growth: (max - before) / 1e6 }
}

/** Runs a program that writes a file. */
async function measureFile(run: () => Promise<unknown>, file: string, rows: number) {
  const startedAt = performance.now()
  await run()
  const seconds = (performance.now() - startedAt) / 1000
  return { seconds, 'rows/s': rows / seconds, file: (await stat(file)).size / 1e6 }
}

/** @throws Error when the file of the run is not the header and what psql has written */
async function checkSameBytes(
  { files: [file] }: FinishedRun,
  header: string,
  written: string,
): Promise<void> {
  const hash = createHash('sha256').update(header)
  await pipeline(createReadStream(written), hash)
  const expected = hash.digest('hex')
  if (file?.sha256 !== expected)
    throw new Error(`Our file has the hash ${file?.sha256}, and that of psql ${expected}.`)
}

/** DuckDB reads Postgres itself, or what psql writes when its extension cannot be downloaded; then psql's time counts as well. */
function duckdbSide(
  bench: Bench,
  url: string,
  sql: string,
  copyPlain: () => Promise<unknown>,
  { csv, file }: { csv: string; file: string },
  rows: number,
): Side {
  const script = join(folderOf('duckdb'), 'write-parquet.js')
  return {
    name: 'DuckDB',
    measure: async () => {
      const startedAt = performance.now()
      await copyPlain()
      const copySeconds = (performance.now() - startedAt) / 1000
      const output = await runPinned({ program: process.execPath, args: [script, url, sql, csv, file] })
      const isWithout = output.startsWith('without')
      if (isWithout)
        bench.note(
          'DuckDB reads a CSV file of psql here, whose time counts, because its extension for Postgres cannot be downloaded.',
        )
      const { seconds, rows: written }: { seconds: number; rows: number } = JSON.parse(
        output.trim().split('\n').at(-1) ?? '',
      )
      if (written !== rows) throw new Error(`DuckDB has written ${written} rows of ${rows}.`)
      const total = seconds + (isWithout ? copySeconds : 0)
      return { seconds: total, 'rows/s': rows / total, file: (await stat(file)).size / 1e6 }
    },
  }
}

function goalsOf(cases: readonly CaseResult[]): GoalResult[] {
  const [csv, parquet] = [cases[0], cases.at(-1)]
  if (!csv || !parquet) return []
  return [
    ...ratioGoal(csv, ['ours', 'psql, plain SQL'], 'rows/s', 'at least', 0.75),
    ...ratioGoal(csv, ['ours', 'psql, same SQL'], 'rows/s', 'at least', 0.9),
    ...ratioGoal(csv, ['ours', 'cursor'], 'rows/s', 'at least', 4),
    ...ratioGoal(parquet, ['ours', 'DuckDB'], 'rows/s', 'at least', 0.7),
    ...cases.map(
      (one): GoalResult => ({
        what: `${one.name}: growth, MB`,
        value: medianOf(one, 'ours', 'growth'),
        bound: 32,
        must: 'at most',
      }),
    ),
  ]
}
