import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchPostgres, startPostgres } from './database.ts'
import { fillLedger } from './fill-ledger.ts'
import { fillRuns } from './fill-runs.ts'
import { runCommand } from './ours.ts'
import { measureInTurns } from './rounds.ts'
import type { Bench, Size } from './row.ts'

const accounts = 100
const largeRuns = 1_000_000
const ledgerRows = 2_000_000

export type OpenBench = AsyncDisposable & {
  postgres: Pick<BenchPostgres, 'version' | 'settings'>
  /** What a row measures with; `notes` receives its notes. */
  forRow(notes: string[]): Bench
}

/** Starts the Postgres that all rows share. */
export async function openBench(size: Size, onProgress: (sentence: string) => void): Promise<OpenBench> {
  await using cleanup = new AsyncDisposableStack()
  const postgres = cleanup.use(await startPostgres())
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const fillDatabase: Bench['fillDatabase'] = async (name, options) => {
    onProgress(
      `Filling the database ${name} with ${options.runs.toLocaleString('en')} runs in ${options.accounts} accounts.`,
    )
    const database = await postgres.createDatabase(name)
    const filled = await fillRuns(database, options)
    // The files of the runs are rows only, which a gateway takes for a lost file store unless it is told otherwise.
    const environment = { DATABASE_URL: database.url, DATA_DIR: await mkdtemp(join(folder, 'data-')) }
    await runCommand('storage', ['adopt'], environment)
    return { database, accounts: filled, environment }
  }
  const runsDatabase = once(() => fillDatabase('runs', { accounts, runs: size.runs }))
  const largeDatabase = once(async () => {
    const runs = Math.max(2_000, Math.round(largeRuns * size.scale))
    return { ...(await fillDatabase('large', { accounts: 1, runs })), runs }
  })
  const ledgerDatabase = once(async () => {
    const rows = Math.max(10_000, Math.round(ledgerRows * size.scale))
    const filled = await fillDatabase('ledger', { accounts: 3, runs: 3_000 })
    onProgress(`Filling the ledgers of two accounts with ${rows.toLocaleString('en')} rows each.`)
    const start = new Date('2026-01-01T00:00:00Z')
    const ledger = { rows, start, end: new Date(start.getTime() + rows * 1000) }
    for (const { accountId } of filled.accounts.slice(0, 2))
      await fillLedger(filled.database, accountId, ledger)
    return { ...filled, ledger }
  })
  const opened = cleanup.move()
  return {
    postgres,
    forRow: (notes) => ({
      size,
      postgres,
      fillDatabase,
      runsDatabase,
      largeDatabase,
      ledgerDatabase,
      makeFolder: () => mkdtemp(join(folder, 'row-')),
      measure: (name, sides, turns = {}) =>
        measureInTurns(name, sides, { rounds: size.rounds, isWarm: true, ...turns }, onProgress),
      note: (sentence) => {
        if (!notes.includes(sentence)) notes.push(sentence)
      },
    }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Calls the function the first time, and gives that result from then on. */
function once<Result>(make: () => Promise<Result>): () => Promise<Result> {
  let made: Promise<Result> | undefined
  return () => {
    made ??= make()
    return made
  }
}
