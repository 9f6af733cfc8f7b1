import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from './database.ts'
import { fillRuns } from './fill-runs.ts'
import { runCommand } from './ours.ts'
import { measureInTurns } from './rounds.ts'
import type { Bench, RunsDatabase, Size } from './row.ts'

const accounts = 100

export type OpenBench = AsyncDisposable & {
  postgresVersion: string
  /** What a row measures with; `notes` receives its notes. */
  forRow(notes: string[]): Bench
}

/** Starts the Postgres that all rows share. */
export async function openBench(size: Size, onProgress: (sentence: string) => void): Promise<OpenBench> {
  await using cleanup = new AsyncDisposableStack()
  const postgres = cleanup.use(await startPostgres())
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  let filling: Promise<RunsDatabase> | undefined
  const fill = async (): Promise<RunsDatabase> => {
    onProgress(`Filling the database with ${size.runs.toLocaleString('en')} runs in ${accounts} accounts.`)
    const database = await postgres.createDatabase('runs')
    const filled = await fillRuns(database, { accounts, runs: size.runs })
    // The files of the runs are rows only, which a gateway takes for a lost file store unless it is told otherwise.
    const environment = { DATABASE_URL: database.url, DATA_DIR: await mkdtemp(join(folder, 'data-')) }
    await runCommand('storage', ['adopt'], environment)
    return { database, accounts: filled, environment }
  }
  const opened = cleanup.move()
  return {
    postgresVersion: postgres.version,
    forRow: (notes) => ({
      size,
      postgres,
      runsDatabase: () => {
        filling ??= fill()
        return filling
      },
      makeFolder: () => mkdtemp(join(folder, 'row-')),
      measure: (name, sides) => measureInTurns(name, sides, size.rounds, onProgress),
      note: (sentence) => void notes.push(sentence),
    }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
