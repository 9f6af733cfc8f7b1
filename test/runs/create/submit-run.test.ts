import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { createSlowRun, endOf, slowReport } from '../../support/slow-report.ts'

let gateway: TestGateway
let account: TestAccount
let offset = 0
beforeAll(async () => {
  const now = (): Date => new Date(Date.now() + offset)
  gateway = await startTestGateway({ reportTypes: [slowReport], now })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

test('the mutation returns before the run ends', async () => {
  const id = await createSlowRun(account.client, { count_seconds: '0.4' })
  const run = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id } })
  expect(['PENDING', 'RUNNING']).toContain(run.status)
  const end = await endOf(account.client, id)
  expect(end.status).toBe('SUCCEEDED')
})

test('a run is not created without its job, and the error is masked with an id that is in the log', async () => {
  const { client, accountId } = await gateway.createAccount()
  await gateway.database.query(`
    create function refuse_jobs() returns trigger language plpgsql
    as $$ begin raise exception 'the queue is closed today'; end $$`)
  await gateway.database.query(
    'create trigger refuse_jobs before insert on report_gateway_queue.job for each row execute function refuse_jobs()',
  )
  const mutation =
    'mutation { createReportRun(input: { report: { byName: { name: "test.slow.1", parameters: {} } } }) { reportRun { id } } }'
  const { data, errors } = await client.execute(mutation)
  await gateway.database.query('drop function refuse_jobs cascade')

  expect(data).toEqual({ createReportRun: null })
  const [error] = errors ?? []
  expect(error?.extensions?.code).toBe('INTERNAL_SERVER_ERROR')
  expect(JSON.stringify(errors)).not.toContain('closed')
  const logged = gateway.logged.filter(({ errorId }) => errorId === error?.extensions?.errorId)
  expect(logged).toHaveLength(1)
  expect(JSON.stringify(logged)).toContain('the queue is closed today')
  expect(await gateway.prisma.reportRun.count({ where: { accountId } })).toBe(0)
  expect(await gateway.prisma.reportRunEvent.count({ where: { accountId } })).toBe(0)

  expect(await client.request(mutation)).toHaveProperty('createReportRun.reportRun.id')
})

test('a notification starts runs, long before the worker would poll for them', async () => {
  let waited = 0
  for (let i = 0; i < 10; i++) {
    const end = await endOf(account.client, await createSlowRun(account.client))
    waited += Date.parse(end.startedAt ?? '') - Date.parse(end.createdAt)
  }
  // An idle worker polls for jobs every five seconds, or every half second while it cannot listen.
  expect(waited).toBeLessThan(2_000)
})

test('a run that is created later has a later id, whatever the clock of its gateway shows', async () => {
  const { client } = await gateway.createAccount()
  const first = await createSlowRun(client)
  offset = -3_600_000
  const [second, third] = [await createSlowRun(client), await createSlowRun(client)]
  offset = 0
  const { reportRuns } = await client.request<{
    reportRuns: { nodes: { id: string; createdAt: string }[] }
  }>('{ reportRuns { nodes { id createdAt } } }')
  expect(reportRuns.nodes.map(({ id }) => id)).toEqual([third, second, first])
  const times = reportRuns.nodes.map(({ createdAt }) => createdAt)
  expect(times).toEqual(times.toSorted().toReversed())
})

test('ids of concurrent runs are in the order of their events, so that a page of later ids misses none', async () => {
  const { client, accountId } = await gateway.createAccount()
  await Promise.all(Array.from({ length: 20 }, () => createSlowRun(client)))
  const created = await gateway.prisma.reportRunEvent.findMany({
    where: { accountId, fromStatus: null },
    orderBy: { position: 'asc' },
  })
  const ids = created.map(({ runId }) => runId)
  expect(ids).toHaveLength(20)
  expect(ids).toEqual(ids.toSorted())
})
