import { afterAll, beforeAll, expect, test } from 'vitest'
import { firstIdAt, idPrefixes } from '../../src/ids.ts'
import { createConnection, createPool } from '../../src/postgres/client.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const id = firstIdAt(idPrefixes.reportRun, new Date())

test.each([
  ['nodes', 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', 'ids'],
  ['a filter', 'query ($ids: [String!]) { reportRuns(filter: { reportTypes: $ids }) { totalCount } }', 'ids'],
])('%s accepts 100 values and rejects more', async (_what, query, name) => {
  const ask = (count: number) => account.client.execute(query, { [name]: Array(count).fill(id) })
  expect((await ask(100)).errors).toBeUndefined()
  const { errors } = await ask(101)
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  expect(errors?.[0]?.message).toMatch(/101.*|.*101/)
})

test('a response has at most 50 user errors', async () => {
  const metadata = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`key${i}`, i]))
  const { createReportRun } = await account.client.request<{
    createReportRun: { userErrors: { message: string }[] }
  }>(
    `mutation ($metadata: JSONObject) { createReportRun(input: {
      report: { byName: { name: "balance.summary.1", parameters: {} } }, metadata: $metadata
    }) { userErrors { message } } }`,
    { metadata },
  )
  expect(createReportRun.userErrors).toHaveLength(50)
})

test('a run of a type that is no longer in the catalog is still listed', async () => {
  const created = new Date()
  await gateway.prisma.reportRun.create({
    data: {
      id,
      accountId: account.accountId,
      livemode: false,
      reportType: 'gone.summary.1',
      parameters: {},
      formats: ['CSV'],
      compression: 'NONE',
      metadata: {},
      status: 'CANCELED',
      requestedById: account.apiKeyId,
      createdAt: created,
      finishedAt: created,
    },
  })
  const { reportRuns } = await account.client.request<{ reportRuns: { nodes: unknown[] } }>(
    '{ reportRuns { nodes { reportType { name inputKey dataAvailableFrom acceptsAnyInterval } } } }',
  )
  expect(reportRuns.nodes).toEqual([
    {
      reportType: {
        name: 'gone.summary.1',
        inputKey: null,
        dataAvailableFrom: null,
        acceptsAnyInterval: false,
      },
    },
  ])
})

test('options in the database URL are combined with those of the gateway', async () => {
  const url = `${gateway.database.url}&options=${encodeURIComponent('-c work_mem=5MB')}`
  const show = "select current_setting('work_mem') as memory, current_setting('search_path') as path"
  const expected = [{ memory: '5MB', path: 'report_gateway' }]
  const client = createConnection(url, 'test')
  await client.connect()
  expect((await client.query(show)).rows).toEqual(expected)
  await client.end()
  const pool = createPool({ url, max: 1, applicationName: 'test', onError: () => {} })
  expect((await pool.query(show)).rows).toEqual(expected)
  await pool.end()
})
