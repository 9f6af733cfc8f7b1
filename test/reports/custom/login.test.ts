import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createPool } from '../../../src/postgres/client.ts'
import { loadCustomReports } from '../../../src/reports/custom/load.ts'
import { ensureReader } from '../../../src/reports/custom/login.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

const password = 'only-read'
const cleanup = new AsyncDisposableStack()
let database: TestDatabase
let folder: string
let role: string
beforeAll(async () => {
  database = cleanup.use(await createTestDatabase())
  await database.query('create schema shop create table orders (id bigint)')
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-custom-'))
  cleanup.defer(() => rm(folder, { recursive: true }))
})
afterAll(() => cleanup.disposeAsync())

beforeEach(() => {
  role = `shop_${randomBytes(6).toString('hex')}`
})

/** Loads an empty folder with the login; returns an empty string or the error. */
async function loadWith(onWarning: (message: string) => void = () => {}): Promise<string> {
  const url = new URL(database.url)
  url.username = role
  url.password = password
  const pool = createPool({
    url: url.href,
    max: 1,
    applicationName: 'test',
    isForeign: true,
    onError: () => {},
  })
  try {
    const limits = { rows: 10, seconds: 10 }
    return String(await loadCustomReports({ folder, pool, limits, taken: [], onWarning }).catch(String))
  } finally {
    await pool.end()
  }
}

async function loadWithRights(grant: string, onWarning?: (message: string) => void): Promise<string> {
  await database.query(`create role ${role} login password '${password}'`)
  try {
    await database.query(grant.replace('LOGIN', role))
    return await loadWith(onWarning)
  } finally {
    await database.query(`drop owned by ${role}`)
    await database.query(`drop role ${role}`)
  }
}

test.each([
  ['is a superuser', 'alter role LOGIN superuser', 'is a superuser'],
  ['can become a superuser', 'grant postgres to LOGIN', 'is a superuser'],
  ['can read files', 'grant pg_read_server_files to LOGIN', 'is a member of pg_read_server_files'],
  ['can write', 'grant update on shop.orders to LOGIN', 'can write to shop.orders'],
  [
    'can read keys',
    'grant select on api_keys to LOGIN',
    'can read internal tables of the gateway \\(report_gateway.api_keys',
  ],
  [
    'can read everything',
    'grant pg_read_all_data to LOGIN',
    'can read internal tables of the gateway \\(report_gateway',
  ],
])('a login that %s is rejected', async (_what, grant, problem) => {
  const refusal = new RegExp(
    `^ConfigurationError: REPORTS_DATABASE_URL logs in as ${role}, which ${problem}.*only read`,
  )
  expect(await loadWithRights(grant)).toMatch(refusal)
})

test('a login that can read the ledger is accepted', async () => {
  expect(await loadWithRights('grant select on balance_transactions to LOGIN')).toBe('')
})

test('a login without a limit of temporary files is named with the statement that sets one', async () => {
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  await loadWithRights('grant select on balance_transactions to LOGIN', warn)
  expect(warnings).toEqual([
    `The login ${role} of REPORTS_DATABASE_URL has no temp_file_limit, so a report can fill the disk of Postgres. ` +
      `Let an administrator run: alter role "${role}" set temp_file_limit = '10GB';`,
  ])
  await loadWithRights("alter role LOGIN set temp_file_limit = '1GB'", warn)
  expect(warnings).toHaveLength(1)
})

test('the login of the embedded Postgres has a limit of temporary files that a report cannot lift', async () => {
  const pool = createPool({
    url: await ensureReader(database.url),
    max: 1,
    applicationName: 'test',
    isForeign: true,
    onError: () => {},
  })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  const { rows } = await pool.query("select current_setting('temp_file_limit') as limit")
  expect(rows).toEqual([{ limit: '10GB' }])
  await expect(pool.query("select set_config('temp_file_limit', '-1', true)")).rejects.toThrow(
    'permission denied',
  )
})

test('the error for a failed login does not contain the password', async () => {
  const refusal = await loadWith()
  expect(refusal).toMatch(
    /^ConfigurationError: The login for the reports in REPORTS_DIR cannot be used: password authentication failed/,
  )
  expect(refusal).not.toContain(password)
})

test('many processes can create the login at once, in one database and in several of one server', async () => {
  await using other = await createTestDatabase()
  const many = [database, other].flatMap(({ url }) => Array.from({ length: 5 }, () => ensureReader(url)))
  const urls = (await Promise.all(many)).map((url) => new URL(url))
  expect(new Set(urls.map(({ password }) => password)).size).toBe(1)
})
