import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFileImport } from '../../../src/cli/commands/import-options.ts'
import { createConnection } from '../../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

const cli = fileURLToPath(new URL('../../../src/cli/cli.ts', import.meta.url))

let database: TestDatabase
let folder: string
beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-import-'))
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Runs `npm run import` without npm. */
function startImport(...args: string[]) {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, [cli, 'import', ...args], {
    env: { PATH, HOME, NODE_COMPILE_CACHE, DATABASE_URL: database.url, DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, text }))
  return { child, ended }
}

const rows = 2000

async function writeHistory(): Promise<string> {
  const path = join(folder, 'history.csv')
  const lines = Array.from({ length: rows }, (_, index) => {
    const day = String(1 + Math.floor((index / rows) * 30)).padStart(2, '0')
    return `txn_${index},charge,ch_${index},10.00,0.59,9.41,usd,2026-09-${day} 10:00`
  })
  await writeFile(path, ['id,Type,Source,Amount,Fee,Net,Currency,Created (UTC)', ...lines].join('\n'))
  await utimes(path, new Date(), new Date('2026-10-20T12:00:00Z'))
  return path
}

async function stored() {
  const [row] = await database.query<{ rows: number; net: number; until: string | null }>(`
    select count(*)::int as rows, coalesce(sum(net), 0)::int as net,
      (select to_char(available_until, 'YYYY-MM-DD') from ledger_coverage) as until
    from balance_transactions`)
  return row
}

/** Counts the connections of imports, and those that wait for a lock. */
async function connections() {
  const [row] = await database.query<{ all: number; waiting: number }>(`
    select count(*)::int as all, (count(*) filter (where wait_event_type = 'Lock'))::int as waiting
    from pg_stat_activity where application_name = 'report-gateway import' and datname = current_database()`)
  return row ?? { all: 0, waiting: 0 }
}

/** Waits until a condition is true; fails at the deadline. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(60_000)
  while (!(await isTrue())) deadline.throwIfAborted()
}

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'an import that receives %s after all rows were written leaves nothing',
  async (signal) => {
    const path = await writeHistory()
    const holder = createConnection(database.url, 'test')
    await holder.connect()
    try {
      // An import writes its coverage last, and waits for this lock.
      await holder.query('begin; lock table ledger_side_coverage in access exclusive mode')
      const { child, ended } = startImport(path)
      await until(async () => (await connections()).waiting === 1)
      child.kill(signal)
      const result = await ended
      if (signal === 'SIGKILL') expect(result).toMatchObject({ code: null, signal })
      else
        expect(result).toMatchObject({ code: 130, text: expect.stringMatching(/No row of .* was imported/) })
    } finally {
      await holder.end()
    }
    await until(async () => (await connections()).all === 0)
    expect(await stored()).toEqual({ rows: 0, net: 0, until: null })
  },
  90_000,
)

test('the declared coverage of several files does not take effect when one of them cannot be imported', async () => {
  const missing = join(folder, 'missing.csv')
  const { code, text } = await startImport('--from', '2026-08-01', await writeHistory(), missing).ended
  expect(text).toContain('from 2026-08-01T00:00:00Z until 2026-10-01T00:00:00Z, which is covered once all')
  expect(text).toMatch(/missing\.csv cannot be imported/)
  expect(code).toBe(1)
  expect(await stored()).toEqual({ rows, net: rows * 941, until: null })
})

test('a repeated import succeeds, and reports what is complete', async () => {
  const { code, text } = await startImport(await writeHistory()).ended
  expect(text).toMatch(/2,000 rows of an export of the balance history in .* rows\/s/)
  expect(text).toContain('is complete from 2026-09-01T00:00:00Z until 2026-10-01T00:00:00Z')
  expect(code).toBe(0)
  expect(await stored()).toEqual({ rows, net: rows * 941, until: '2026-10-01' })
})

test('the declared coverage of several files takes effect when all are imported', async () => {
  const path = await writeHistory()
  const { code, text } = await startImport('--until', '2026-10-10', path, path).ended
  expect(text).toContain('is complete from 2026-09-01T00:00:00Z until 2026-10-10T00:00:00Z')
  expect(code).toBe(0)
  expect(await stored()).toEqual({ rows, net: rows * 941, until: '2026-10-10' })
})

test('the demo ledger accepts no import, and the error names the way out', async () => {
  await database.query(`insert into accounts (id, name) values ('acct_demo', 'Demo')`)
  const { code, text } = await startImport(await writeHistory(), '--account', 'acct_demo').ended
  expect(text).toMatch(/npm run keys -- create --new-account NAME\n$/)
  expect(code).toBe(1)
  expect(await stored()).toMatchObject({ rows })
})

test.each<[Parameters<typeof readFileImport>, RegExp]>([
  [[[], {}], /No files are given/],
  [[['a.csv'], { timezone: 'Mars/Base' }], /Mars\/Base is not a valid timezone/],
  [[['a.csv'], { from: '2026-09-05', until: '2026-09-01' }], /must be later than --from/],
  [[['a.csv'], { until: '2926-09-01' }], /in the future/],
  [[['a.csv'], { from: '5 September' }], /not a valid time/],
])('invalid arguments are rejected: %j', (args, sentence) => {
  expect(() => readFileImport(...args)).toThrow(sentence)
})

test('a date is midnight in the timezone', () => {
  const values = { from: '2026-09-01', until: '2026-09-02T00:00:00Z', timezone: 'Europe/Berlin' }
  expect(readFileImport(['a.csv'], values).declared).toEqual({
    from: new Date('2026-08-31T22:00:00Z'),
    until: new Date('2026-09-02T00:00:00Z'),
  })
})
