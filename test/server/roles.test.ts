import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { startTestGateway, type TestAccount } from '../support/gateway.ts'
import { spawnGateway } from '../support/gateway-process.ts'
import { createGraphqlClient } from '../support/graphql-client.ts'
import { createSlowRun, endOf, slowReport } from '../support/slow-report.ts'

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'report-gateway-roles-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

async function statusOf({ client }: TestAccount, id: string): Promise<string> {
  const { node } = await client.request<{ node: { status: string } }>(
    'query ($id: ID!) { node(id: $id) { ... on ReportRun { status } } }',
    { id },
  )
  return node.status
}

test('a gateway accepts runs, only a worker runs them, and the gateway sees them end', async () => {
  await using folder = await temporaryFolder()
  const dataDir = folder.path
  await using database = await createTestDatabase()
  const shared = { database, dataDir, reportTypes: [slowReport] }
  await using gateway = await startTestGateway({ ...shared, config: { role: 'gateway' } })
  const account = await gateway.createAccount()
  const id = await createSlowRun(account.client)
  const printMetrics = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text()
  // Without these connections no process can run a report.
  expect(await printMetrics(gateway.url)).not.toContain('pool="reports"')
  expect(await statusOf(account, id)).toBe('PENDING')

  await using worker = await startTestGateway({ ...shared, config: { role: 'worker' } })
  expect(await printMetrics(worker.url)).toContain('pool="reports"')
  expect((await endOf(account.client, id)).status).toBe('SUCCEEDED')
  const next = await createSlowRun(account.client)
  expect((await endOf(account.client, next)).status).toBe('SUCCEEDED')
})

test('a worker serves its health, and answers that it serves nothing else', async () => {
  await using worker = await startTestGateway({ config: { role: 'worker' } })
  for (const path of ['health', 'ready', 'metrics']) {
    expect((await fetch(`${worker.url}/${path}`)).status).toBe(200)
  }
  for (const path of ['/graphql', '/', '/files/file_1']) {
    const response = await fetch(worker.url + path)
    expect(response.status).toBe(404)
    expect(await response.text()).toBe(
      `There is nothing at ${path}. This process is a worker: it serves /health, /ready and /metrics only.\n`,
    )
  }
})

test('gateway and worker start at the same time on one data folder; the flag overrides the variable', async () => {
  await using folder = await temporaryFolder()
  const environment = { DATA_DIR: join(folder.path, 'data'), ROLE: 'all' }
  await using gateway = spawnGateway(environment, undefined, ['--role', 'gateway'])
  // Without PORT, although the gateway could use the default port.
  await using worker = spawnGateway({ ...environment, PORT: '' }, undefined, ['--role', 'worker'])
  const [url, workerUrl] = await Promise.all([gateway.ready(), worker.ready()])
  expect(worker.output()).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+\/ready$/m)
  expect(worker.output()).not.toMatch(/sk_test_|GraphiQL/)
  expect(new URL(workerUrl).port).not.toBe('4000')
  expect(gateway.output()).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+\/graphql$/m)

  const keys: { test: string } = JSON.parse(await readFile(join(environment.DATA_DIR, 'keys.json'), 'utf8'))
  const client = createGraphqlClient(url, keys.test)
  const { createReportRun } = await client.request<{ createReportRun: { reportRun: { id: string } } }>(
    'mutation { createReportRun(input: { report: { balanceSummary1: { interval: { relative: PREVIOUS_MONTH } } } }) { reportRun { id } } }',
  )
  const run = await endOf(client, createReportRun.reportRun.id)
  expect(run.status).toBe('SUCCEEDED')
  const file = await fetch(run.result?.files[0]?.download.url ?? '')
  expect(file.status).toBe(200)
})

test.each([
  [['--role', 'boss'], 'ROLE must be one of all, gateway, worker; it is "boss".'],
  [['--rolle', 'worker'], 'Unknown option --rolle. Did you mean --role?\n\nnpm start'],
  [['worker'], 'Unexpected argument worker.\n\nnpm start'],
])('%j is rejected with a reason', async (args, reason) => {
  await using folder = await temporaryFolder()
  await using refused = spawnGateway({ DATA_DIR: join(folder.path, 'data') }, undefined, args)
  expect(await refused.ended()).toBe(1)
  expect(refused.output()).toContain(reason)
  expect(refused.output()).not.toMatch(/^ +at /m)
})
