import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { Database } from '../framework/database.ts'
import { commandOf } from '../framework/ours.ts'
import { findProgram, runPinned } from '../framework/programs.ts'
import { type GoalResult, ratioGoal } from '../framework/result.ts'
import type { Side } from '../framework/rounds.ts'
import type { Row } from '../framework/row.ts'

const insertScript = fileURLToPath(new URL('./import/insert-process.ts', import.meta.url))
const accountId = 'acct_0bench0000000000000000000'

export const importRow: Row = {
  name: 'import',
  work: 'A balance history of 1,000,000 rows by `npm run import`. The peers load rows that are already in the form of the table, with the same indexes and triggers.',
  figures: [
    { name: 'rows/s', unit: '', decimals: 0 },
    { name: 'seconds', unit: '', decimals: 1 },
  ],
  chart: 'rows/s',
  peers: [],
  async run(bench) {
    const rows = Math.max(1_000, Math.round(1_000_000 * bench.size.scale))
    const database = await bench.postgres.createDatabase('imports')
    await database.query(`insert into accounts (id, name) values ('${accountId}', 'Bench')`)
    await bench.postgres.pinToLoad()
    const folder = await bench.makeFolder()
    const [history, ready] = [join(folder, 'history.csv'), join(folder, 'ready.csv')]
    await pipeline(Readable.from(balanceHistory(rows)), createWriteStream(history))
    const environment = { DATABASE_URL: database.url, DATA_DIR: folder }
    const ours = {
      ...commandOf('import', [history, '--account', accountId, '--until', '2025-06-01']),
      environment,
    }

    const sides: Side[] = [
      { name: 'ours', measure: () => measureLoad(database, rows, () => runPinned(ours)) },
    ]
    const psql = findProgram('psql')
    if (psql) {
      await runPinned(ours)
      const searchPath = { PGOPTIONS: '-c search_path=report_gateway' }
      const tell = (command: string) =>
        runPinned({
          program: psql,
          args: ['-qX', '-d', database.url, '-c', command],
          environment: searchPath,
        })
      await tell(`\\copy balance_transactions to '${ready}' (format csv)`)
      const load = () => tell(`\\copy balance_transactions from '${ready}' (format csv)`)
      sides.push({ name: 'psql', measure: () => measureLoad(database, rows, load) })
      const some = Math.ceil(rows / 20)
      const insert = () =>
        runPinned({ program: process.execPath, args: [insertScript, database.url, ready, String(some)] })
      sides.push({ name: 'inserts', measure: () => measureLoad(database, some, insert) })
      bench.note(
        'The side `inserts` inserts a twentieth of the rows, one statement for each, in one transaction.',
      )
    } else bench.note('psql is left out: it is not installed (Debian: postgresql-client).')
    const one = await bench.measure(`${rows.toLocaleString('en')} rows`, sides, { isWarm: false })
    await bench.postgres.dropDatabase('imports')
    const goals: GoalResult[] = ratioGoal(one, ['ours', 'psql'], 'rows/s', 'at least', 0.6)
    return { cases: [one], goals }
  },
}

/** @throws Error when the table does not have the rows afterwards */
async function measureLoad(database: Database, rows: number, load: () => Promise<unknown>) {
  await database.query('truncate balance_transactions')
  const startedAt = performance.now()
  await load()
  const seconds = (performance.now() - startedAt) / 1000
  const [counted] = await database.query<{ rows: string }>(
    'select count(*) as rows from balance_transactions',
  )
  if (Number(counted?.rows) !== rows) throw new Error(`${counted?.rows} of ${rows} rows are in the table.`)
  return { 'rows/s': rows / seconds, seconds }
}

/** An export of the Stripe Dashboard with charges, one per ten seconds, as a few thousand lines at a time. */
function* balanceHistory(rows: number): Generator<string> {
  yield 'id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description,Customer Facing Amount,Customer Facing Currency,Transfer,Transfer Date (UTC),Transfer Group\n'
  const batch = 5_000
  for (let start = 0; start < rows; start += batch) {
    const lines = Array.from({ length: Math.min(batch, rows - start) }, (_, i) => historyLine(start + i))
    yield lines.join('')
  }
}

function historyLine(number: number): string {
  const at = new Date(Date.UTC(2025, 0, 1) + number * 10_000)
  const created = at.toISOString().slice(0, 16).replace('T', ' ')
  const available = `${new Date(at.getTime() + 2 * 86_400_000).toISOString().slice(0, 10)} 00:00`
  const cents = 1_000 + (number % 100_000)
  const fee = Math.round(cents * 0.029)
  const money = (value: number): string => (value / 100).toFixed(2)
  return `txn_${String(number).padStart(18, '0')},charge,ch_${number},${money(cents)},${money(fee)},${money(cents - fee)},usd,${created},${available},Order ${number},,,,,\n`
}
