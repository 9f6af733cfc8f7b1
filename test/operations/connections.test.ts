import { expect, test } from 'vitest'
import { grantsFor } from '../../src/postgres/rights.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createSlowRun, endOf, slowReport } from '../support/slow-report.ts'

const password = 'not-secret'
/** The pool of `startTestGateway`. */
const ofTest = 2

test.each([
  ['a bound that the login allows', 12],
  ['no bound, but a login that allows less than the process wants', null],
])('with %s, requests and runs wait and none fails', async (_what, connections) => {
  await using database = await createTestDatabase()
  const login = `few_${new URL(database.url).pathname.slice(1)}`
  await database.query(`create role ${login} login password '${password}' connection limit ${12 + ofTest}`)
  for (const statement of grantsFor(login)) await database.query(statement)
  const url = new URL(database.url)
  url.username = login
  url.password = password
  {
    await using gateway = await startTestGateway({
      database: { ...database, url: url.href },
      config: { connections, concurrency: 4, accountConcurrency: 100 },
      reportTypes: [slowReport],
    })
    const { client } = await gateway.createAccount()
    const counts: number[] = []
    const countConnections = async (): Promise<void> => {
      const [row] = await database.query<{ count: number }>(
        "select count(*)::int as count from pg_stat_activity where usename = $1 and application_name <> 'test'",
        [login],
      )
      counts.push(row?.count ?? 0)
    }
    const clients = Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 20; i++) {
        await client.request('{ reportRuns { totalCount nodes { id status } } }')
        await countConnections()
      }
    })
    const runs = Array.from(
      { length: 20 },
      async () => (await endOf(client, await createSlowRun(client))).status,
    )
    await Promise.all(clients)
    expect(new Set(await Promise.all(runs))).toEqual(new Set(['SUCCEEDED']))
    expect(Math.max(...counts)).toBeLessThanOrEqual(12 + (connections === null ? ofTest : 0))
    const attempts = await database.query('select 1 from report_runs where lost_executions > 0')
    expect(attempts).toEqual([])
  }
  await database.query(`drop owned by ${login}`)
  await database.query(`drop role ${login}`)
})
