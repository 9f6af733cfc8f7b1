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

/** What it comes to when the reports of an empty folder are loaded with a login: nothing, or what is wrong with that. */
async function loadWith(): Promise<string> {
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
    return String(await loadCustomReports({ folder, pool, limits, taken: [] }).catch(String))
  } finally {
    await pool.end()
  }
}

async function loadWithRights(grant: string): Promise<string> {
  await database.query(`create role ${role} login password '${password}'`)
  try {
    await database.query(grant.replace('LOGIN', role))
    return await loadWith()
  } finally {
    await database.query(`drop owned by ${role}`)
    await database.query(`drop role ${role}`)
  }
}

test.each([
  ['is a superuser', 'alter role LOGIN superuser', 'is a superuser'],
  ['may become one', 'grant postgres to LOGIN', 'is a superuser'],
  ['may read files', 'grant pg_read_server_files to LOGIN', 'is a member of pg_read_server_files'],
  ['may write', 'grant update on shop.orders to LOGIN', 'may write to shop.orders'],
  ['may read keys', 'grant select on api_keys to LOGIN', 'may read report_gateway.api_keys'],
  ['may read all', 'grant pg_read_all_data to LOGIN', 'may read report_gateway'],
])('a login that %s is refused', async (_what, grant, problem) => {
  const refusal = new RegExp(
    `^ConfigurationError: REPORTS_DATABASE_URL logs in as ${role}, which ${problem}.*only read`,
  )
  expect(await loadWithRights(grant)).toMatch(refusal)
})

test('a login that may read the ledger is not refused', async () => {
  expect(await loadWithRights('grant select on balance_transactions to LOGIN')).toBe('')
})

test('a login that is not let in is told, without its password', async () => {
  const refusal = await loadWith()
  expect(refusal).toMatch(
    /^ConfigurationError: The login for the reports of REPORTS_DIR cannot be used: password authentication failed/,
  )
  expect(refusal).not.toContain(password)
})

test('the login of ours can be made by many at once, in one database and in several of one server', async () => {
  await using other = await createTestDatabase()
  const many = [database, other].flatMap(({ url }) => Array.from({ length: 5 }, () => ensureReader(url)))
  const urls = (await Promise.all(many)).map((url) => new URL(url))
  expect(new Set(urls.map(({ password }) => password)).size).toBe(1)
})
