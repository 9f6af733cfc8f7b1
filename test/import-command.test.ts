import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from './database.ts'

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

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

/** `npm run import` without npm. */
const startImport = (...args: string[]) => {
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

const runImport = (...args: string[]) => startImport(...args).ended

/** Returns when the import has told of its first rows, of which many more are to come. */
const underWay = (child: ChildProcess) =>
  once(child.stderr ?? child, 'data', { signal: AbortSignal.timeout(25_000) })

const rows = 45_000
const day = 86_400_000
const minuteAt = (place: number) =>
  new Date(Date.parse('2026-09-01T00:00:00Z') + Math.floor((place / rows) * 30) * day)
    .toISOString()
    .slice(0, 16)
    .replace('T', ' ')

const writeHistory = async (name: string, count: number): Promise<string> => {
  const path = join(folder, name)
  const lines = ['id,Type,Source,Amount,Fee,Net,Currency,Created (UTC)']
  for (let place = 0; place < count; place++) {
    lines.push(`txn_${place},charge,ch_${place},10.00,0.59,9.41,usd,${minuteAt(place)}`)
  }
  await writeFile(path, lines.join('\n'))
  await utimes(path, new Date(), new Date('2026-10-20T12:00:00Z'))
  return path
}

const stored = async () => {
  const [row] = await database.query<{ rows: number; net: number; until: string | null }>(`
    select count(*)::int as rows, coalesce(sum(net), 0)::int as net,
      (select to_char(available_until, 'YYYY-MM-DD') from ledger_coverage) as until
    from balance_transactions`)
  return row
}

test('an import that is killed leaves nothing, and goes through when it is run again', async () => {
  const path = await writeHistory('large.csv', rows)
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const { child, ended } = startImport(path)
    await underWay(child)
    child.kill(signal)
    const result = await ended
    if (signal === 'SIGKILL') expect(result).toMatchObject({ code: null, signal })
    else
      expect(result).toMatchObject({ code: 130, text: expect.stringMatching(/Nothing of .* was imported/) })
    expect(await stored()).toEqual({ rows: 0, net: 0, until: null })
  }
  const expected = { rows, net: rows * 941, until: '2026-10-01' }
  // The second time finds everything there.
  for (const _ of ['first', 'second']) {
    const { code, text } = await runImport(path)
    expect(text).toMatch(/45,000 rows of an export of the balance history in .* rows\/s/)
    expect(text).toContain('is complete from 2026-09-01T00:00:00Z until 2026-10-01T00:00:00Z')
    expect(code).toBe(0)
    expect(await stored()).toEqual(expected)
  }
}, 90_000)

test('mistakes on the command line are told in a sentence, and nothing is imported', async () => {
  await database.query(
    `insert into accounts (id, name, created_at) values ('acct_demo', 'Demo', now()), ('acct_x', 'X', now())`,
  )
  const path = await writeHistory('small.csv', 3)
  const before = await stored()
  const results = await Promise.all([
    runImport(),
    runImport(path),
    runImport(path, '--account', 'acct_demo'),
    runImport(path, '--account', 'acct_x', '--timezone', 'Mars/Base'),
    runImport(path, '--account', 'acct_x', '--from', '2026-09-05', '--until', '2026-09-01'),
    runImport(join(folder, 'missing.csv'), '--account', 'acct_x'),
  ])
  const sentences = [
    /Which files\?/,
    /There are several accounts/,
    /keys -- create --new-account NAME/,
    /Mars\/Base is no IANA name/,
    /has to be later than --from/,
    /missing\.csv cannot be imported: it cannot be opened/,
  ]
  for (const [place, { code, text }] of results.entries()) {
    expect(text).toMatch(sentences[place] ?? '')
    expect(text).not.toMatch(/^\s+at /m)
    expect(code).toBe(1)
  }
  expect(await stored()).toEqual(before)
})
