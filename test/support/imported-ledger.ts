import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { readCoverage } from '../../src/ledger/coverage.ts'
import { type ImportOptions, importFile } from '../../src/ledger/import/import-file.ts'
import { createConnection } from '../../src/postgres/client.ts'
import { createTestDatabase } from './database.ts'

type ImportOutcome = Awaited<ReturnType<typeof importFile>> & { path: string }

/** A row of any table, as JSON. */
export type LedgerRow = Record<string, unknown> & { id: string; metadata?: Record<string, string> }

/** An empty database, and functions that import files into it. */
export type ImportedLedger = AsyncDisposable & {
  client: pg.Client
  /** The account and mode of the next import. */
  owner: { accountId: string; livemode: boolean }
  /** Switches to a new account without a ledger. */
  newAccount(): void
  /** Writes the content to a new file, with a modification time after all of its days, and imports it. */
  load(content: string | Buffer, options?: Partial<ImportOptions>): Promise<ImportOutcome>
  /** Imports an existing file. */
  importPath(path: string, options?: Partial<ImportOptions>): Promise<ImportOutcome>
  /** Returns the path of the last loaded file. */
  lastPath(): string
  /** Returns the account's rows of a table in order of id, without null fields. */
  rowsOf(table: string): Promise<LedgerRow[]>
  /** Returns the span that the ledger covers; null when there is none. */
  coverage(): Promise<[string, string] | null>
  /** Returns true when the payout that swept each row of the coverage is known; null without coverage. */
  payoutsKnown(): Promise<boolean | null>
}

export async function openImportedLedger(): Promise<ImportedLedger> {
  await using cleanup = new AsyncDisposableStack()
  const database = cleanup.use(await createTestDatabase())
  const client = createConnection(database.url, 'test')
  await client.connect()
  cleanup.defer(() => client.end())
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-import-'))
  cleanup.defer(() => rm(folder, { recursive: true }))
  let accounts = 0
  let files = 0
  const lastPath = (): string => join(folder, `${files}.csv`)
  const opened = cleanup.move()

  const ledger: ImportedLedger = {
    client,
    owner: { accountId: 'acct_0', livemode: false },
    newAccount: () => {
      ledger.owner = { accountId: `acct_${++accounts}`, livemode: false }
    },
    load: async (content, options) => {
      files++
      const path = lastPath()
      await writeFile(path, content)
      await utimes(path, new Date(), new Date('2026-11-20T12:00:00Z'))
      return ledger.importPath(path, options)
    },
    importPath: async (path, options = {}) => {
      const result = await importFile(client, ledger.owner, path, {
        timezone: 'UTC',
        declared: { from: null, until: null },
        isPart: false,
        areMajorUnits: false,
        skipBad: false,
        now: new Date('2026-11-22T00:00:00Z'),
        onProgress: () => {},
        signal: new AbortController().signal,
        ...options,
      })
      return { path, ...result }
    },
    lastPath,
    rowsOf: async (table) => {
      const { rows } = await client.query(
        `select jsonb_strip_nulls(to_jsonb(t)) - 'account_id' - 'livemode' as row from ${table} t
         where account_id = $1 order by to_jsonb(t) ->> 'id' collate "C"`,
        [ledger.owner.accountId],
      )
      return rows.map(({ row }) => row)
    },
    coverage: async () => {
      const { rows } = await client.query(
        'select available_from, available_until from ledger_coverage where account_id = $1',
        [ledger.owner.accountId],
      )
      const [row] = rows
      return row ? [row.available_from.toISOString(), row.available_until.toISOString()] : null
    },
    payoutsKnown: async () => (await readCoverage(client, ledger.owner))?.payoutsKnown ?? null,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
  return ledger
}
