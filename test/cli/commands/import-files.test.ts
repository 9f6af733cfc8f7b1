import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { StoppedError } from '../../../src/cli/client/client-error.ts'
import { importCommand } from '../../../src/cli/commands/import.ts'
import { createConnection } from '../../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { runCommand } from '../../support/run-command.ts'
import { activity, badHistory, history, reconciliation } from '../../support/small-exports.ts'

let database: TestDatabase
let folder: string
let account: string
let accounts = 0
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-import-'))
  account = `acct_${++accounts}`
  await database.query("insert into accounts (id, name) values ($1, 'Shop')", [account])
  return () => rm(folder, { recursive: true })
})

/** An export, written when all of its days were over. */
async function write(name: string, content: string, writtenAt = '2026-10-20T12:00:00Z'): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  await utimes(path, new Date(), new Date(writtenAt))
  return path
}

function load(...args: string[]): Promise<string[]> {
  return runCommand(importCommand, ['--account', account, ...args], { DATABASE_URL: database.url })
}

async function countRows(): Promise<number> {
  return (await database.query('select id from balance_transactions where account_id = $1', [account])).length
}

/** Counts the connections that wait for a lock. */
async function waitingForLocks(): Promise<number> {
  const rows = await database.query(
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  )
  return rows.length
}

const notComplete = /in test mode is not complete for any time yet/
const complete = /in test mode is complete from 2026-09-01T00:00:00Z until 2026-09-07T00:00:00Z/

test('bad lines are all named, and nothing is imported', async () => {
  const path = await write('history.csv', badHistory)
  const error = await load(path).catch(String)
  expect(error).toContain(`${path}:4: Amount "-20.0O" `)
  expect(error).toContain(`${path}:7: Created (UTC) "2026-02-30 09:00" `)
  expect(error).toMatch(/Nothing of .*history\.csv was imported\..*--skip-bad/)
  expect(await countRows()).toBe(0)
})

test('bad lines that are skipped can be corrected and imported as the command says, which completes the ledger', async () => {
  const printed = await load('--skip-bad', await write('history.csv', badHistory))
  const said = printed.join('\n')
  expect(printed[0]).toMatch(/history\.csv: 4 rows of an export of the balance history in /)
  expect(said).toContain('history.csv:4: Amount "-20.0O" ')
  expect(said).toMatch(notComplete)
  expect(await countRows()).toBe(4)

  const [, rejected = '', from = '', until = ''] =
    /in (\S+\.rejected\.csv): .* --from (\S+) --until (\S+)\. /.exec(said) ?? []
  const mended = (await readFile(rejected, 'utf8'))
    .replace('-20.0O', '-20.00')
    .replace('02-30', '09-04')
    .replace('-56.90', '-56.80')
  const path = await write('mended.csv', mended)
  expect((await load('--from', from, '--until', until, path)).join('\n')).toMatch(complete)
  expect(await countRows()).toBe(7)
})

test('files with skipped lines complete nothing together, and are imported again together', async () => {
  const said = (
    await load(
      ...['--skip-bad', '--from', '2026-08-01', '--until', '2026-10-01'],
      await write('good.csv', history),
      await write('bad.csv', badHistory),
    )
  ).join('\n')
  expect(said).toMatch(/rejected\.csv: .* together with the other files, with --from 2026-08-01/)
  expect(said).toContain('The files together do not complete the ledger yet')
  expect(said).toMatch(notComplete)
})

test('what may be a reconciliation completes nothing until it is said to be all', async () => {
  const path = await write('reconciliation.csv', reconciliation)
  const said = (await load(path)).join('\n')
  expect(said).toMatch(/may be a reconciliation.*--from … --until …/)
  expect(said).toMatch(notComplete)
  const declared = (await load('--from', '2026-09-01', '--until', '2026-09-07', path)).join('\n')
  expect(declared).toContain('It covers activity from 2026-09-01T00:00:00Z until 2026-09-07T00:00:00Z.')
})

test('a history without the column Transfer is complete, but says that swept rows are unknown', async () => {
  const path = await write('history.csv', history.replace(',Transfer,', ',Other,'))
  const said = (await load(path)).join('\n')
  expect(said).toMatch(complete)
  expect(said).toContain('Nothing in it says which payout swept which row')
  expect(said).toMatch(/does not know which payout swept each row.*with all columns, including Transfer/)
  const whole = (await load(await write('whole.csv', history))).join('\n')
  expect(whole).toMatch(complete)
  expect(whole).not.toMatch(/swept/)
})

test('payouts that left after the export of their rows are named, until the rows are exported again', async () => {
  const [header = '', ...rows] = history.split('\n')
  const waiting = rows.slice(0, 3).join('\n').replaceAll('po_1,2026-09-05 00:00', ',')
  const said = (
    await load(
      await write('first.csv', [header, waiting].join('\n')),
      await write('second.csv', [header, ...rows.slice(3)].join('\n')),
    )
  ).join('\n')
  expect(said).toMatch(
    /swept: 1, the first is po_1 of 2026-09-05\. .* export the balance history of the time before these payouts again/,
  )
  expect((await load(await write('again.csv', history))).join('\n')).not.toMatch(/swept/)
})

test('a file without decimals is imported when its amounts are confirmed to be in major units', async () => {
  const text = 'id,Type,Amount,Net,Currency,Created (UTC)\ntxn_1,charge,5,5,usd,2026-09-01 10:00'
  const path = await write('history.csv', text)
  await expect(load(path)).rejects.toThrow(/--amounts major/)
  await expect(load('--amounts', 'minor', path)).rejects.toThrow(/--amounts minor is not supported/)
  await load('--amounts', 'major', path)
  expect(await countRows()).toBe(1)
})

test('a file that was written on the day of its first row covers no complete day, and its local times are named', async () => {
  const path = await write('activity.csv', activity.replace('created_utc', 'note'), '2026-09-01T12:00:00Z')
  const said = (await load('--timezone', 'America/New_York', path)).join('\n')
  expect(said).toMatch(/Times in created were read in America\/New_York/)
  expect(said).toMatch(/covers no complete day.*--from … --until …/)
  expect(said).toMatch(notComplete)
})

test.each([
  ['migrations', 'select pg_advisory_lock(7203614871)'],
  ['another transaction on the ledger', 'begin; lock table balance_transactions in access exclusive mode'],
  ['statistics', 'begin; lock table fee_details in share update exclusive mode'],
])('an import that waits for %s ends when it is stopped', async (_stage, statement) => {
  const path = await write('history.csv', history)
  const holder = createConnection(database.url, 'holder')
  await holder.connect()
  try {
    await holder.query(statement)
    const stop = new AbortController()
    const ended = runCommand(
      importCommand,
      ['--account', account, path],
      { DATABASE_URL: database.url },
      { signal: stop.signal },
    ).catch((error: unknown) => error)
    const deadline = AbortSignal.timeout(60_000)
    while ((await waitingForLocks()) === 0) deadline.throwIfAborted()
    stop.abort()
    expect(await ended).toBeInstanceOf(StoppedError)
  } finally {
    await holder.end()
  }
})

test('rejected lines that cannot be written are an error, and nothing is imported', async () => {
  const path = await write('history.csv', badHistory)
  await mkdir(`${path}.rejected.csv.part`)
  await expect(load('--skip-bad', path)).rejects.toThrow(
    /history\.csv cannot be imported: its rejected lines cannot be written to .*\.rejected\.csv: /,
  )
  expect(await countRows()).toBe(0)
})

test('the progress goes to standard error', async () => {
  let written = ''
  const path = await write('history.csv', history)
  const printed = await runCommand(
    importCommand,
    ['--account', account, path],
    { DATABASE_URL: database.url },
    { onWrite: (text) => (written += text) },
  )
  expect(written).toMatch(/100\.0 % {2}Importing history\.csv {2}7 rows {2}[\d,]+ rows\/s\n$/)
  expect(printed.join('\n')).not.toContain('Importing')
})
