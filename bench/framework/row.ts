import type { BenchPostgres, Database } from './database.ts'
import type { Ledger } from './fill-ledger.ts'
import type { BenchAccount, FillOptions } from './fill-runs.ts'
import type { PeerName } from './peers.ts'
import type { CaseResult, Figure, GoalResult } from './result.ts'
import type { Side, Turns } from './rounds.ts'

export type Size = {
  /** Number of runs in the database of 100 accounts. */
  runs: number
  /** How often each side is measured. */
  rounds: number
  /** How long each round of a side takes, where a row measures for a time. */
  seconds: number
  /** What rows with other work (subscribers, rows of a report) multiply their usual amount by. */
  scale: number
}

export type RunsDatabase = {
  database: Database
  accounts: readonly BenchAccount[]
  /** DATABASE_URL and DATA_DIR for a gateway on this database. */
  environment: Readonly<Record<'DATABASE_URL' | 'DATA_DIR', string>>
}

/** A database with three accounts, a few runs, and a large ledger of each of the first two, with one row per second. */
export type LedgerDatabase = RunsDatabase & { ledger: Ledger }

/** What a row gets to measure with. */
export type Bench = {
  size: Size
  postgres: BenchPostgres
  /** The database with the runs of 100 accounts, which the first row that asks for it fills. */
  runsDatabase(): Promise<RunsDatabase>
  /** The database with 1,000,000 runs of one account, which the first row that asks for it fills. */
  largeDatabase(): Promise<RunsDatabase & { runs: number }>
  /** The database with the large ledgers, which the first row that asks for it fills. */
  ledgerDatabase(): Promise<LedgerDatabase>
  /** Another database with runs, for one row alone. */
  fillDatabase(name: string, options: FillOptions): Promise<RunsDatabase>
  /** A folder for files, which is removed at the end. */
  makeFolder(): Promise<string>
  /** Measures a case in turns, and reports progress. By default with a warm-up and the rounds of `size`. */
  measure(name: string, sides: readonly Side[], turns?: Partial<Turns>): Promise<CaseResult>
  /** Adds a sentence to the notes of the row, such as why a side is left out. */
  note(sentence: string): void
}

export type Row = {
  name: string
  /** One sentence about the work, for the page. */
  work: string
  figures: readonly Figure[]
  /** The figure that the chart shows: the name of one of `figures`. */
  chart: string
  peers: readonly PeerName[]
  run(bench: Bench): Promise<{ cases: CaseResult[]; goals: GoalResult[] }>
}
