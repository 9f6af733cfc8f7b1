import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { createPool, createPrisma } from '../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { describeWith } from '../support/debian-tools.ts'
import { type GatewayProcess, spawnGateway, testEntry } from '../support/gateway-process.ts'
import { createGraphqlClient, type GraphqlClient } from '../support/graphql-client.ts'
import { createSlowRun, endOf } from '../support/slow-report.ts'

const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' }
const library = `/usr/lib/${architectures[process.arch]}-linux-gnu/faketime/libfaketimeMT.so.1`

type Run = { id: string; createdAt: string; queueDuration: string; runDuration: string | null }

describeWith(['faketime'], 'gateways whose clocks are an hour apart', () => {
  let database: TestDatabase
  let dataDir: string
  let key: string
  const processes: GatewayProcess[] = []
  const urls: string[] = []
  const clients: GraphqlClient[] = []
  beforeAll(async () => {
    expect(existsSync(library)).toBe(true)
    database = await createTestDatabase()
    dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
    const pool = createPool({ url: database.url, max: 1, applicationName: 'test', onError: () => {} })
    const prisma = createPrisma(pool)
    const accountId = newId(idPrefixes.account, new Date())
    await prisma.account.create({ data: { id: accountId, name: 'Test' } })
    ;({ secret: key } = await createApiKey(prisma, { accountId, livemode: false, name: 'Test' }))
    await prisma.$disconnect()
    await pool.end()
    // A right one, one an hour behind, and one an hour ahead; each also runs reports.
    for (const clock of [null, '-3600s', '+3600s']) {
      const wrong = clock && { LD_PRELOAD: library, FAKETIME: clock, FAKETIME_DONT_FAKE_MONOTONIC: '1' }
      const settings = { DATABASE_URL: database.url, DATA_DIR: dataDir, LOG_LEVEL: 'warn', STOP_SECONDS: '0' }
      const gateway = spawnGateway({ ...settings, ...wrong }, testEntry)
      processes.push(gateway)
      urls.push(await gateway.ready())
    }
    clients.push(...urls.map((url) => createGraphqlClient(url, key)))
  })
  afterAll(async () => {
    for (const gateway of processes) await gateway[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true })
  })

  /** Creates runs at each gateway in turn, and waits for their ends. */
  async function runEverywhere(rounds: number): Promise<string[]> {
    const ids: string[] = []
    for (let i = 0; i < rounds; i++) for (const client of clients) ids.push(await createSlowRun(client))
    for (const id of ids)
      expect((await endOf(clients[0] ?? createGraphqlClient('', null), id)).status).toBe('SUCCEEDED')
    return ids
  }

  test('runs of all are in order of creation, with plausible times, whichever worker ran them', async () => {
    const ids = await runEverywhere(4)
    expect(ids).toEqual(ids.toSorted())
    for (const client of clients) {
      const { reportRuns } = await client.request<{ reportRuns: { nodes: Run[] } }>(
        '{ reportRuns(first: 50) { nodes { id createdAt queueDuration runDuration } } }',
      )
      expect(reportRuns.nodes.map(({ id }) => id)).toEqual(ids.toReversed())
      for (const { createdAt, queueDuration, runDuration } of reportRuns.nodes) {
        expect(Math.abs(Date.parse(createdAt) - Date.now())).toBeLessThan(1_800_000)
        // Neither an hour nor minutes.
        expect(queueDuration).toMatch(/^PT[\d.]+S$/)
        expect(runDuration).toMatch(/^PT[\d.]+S$/)
      }
    }
  })

  test('a link that one signs is valid at all others, and expires at the same time', async () => {
    const id = await createSlowRun(clients[0] ?? createGraphqlClient('', null))
    for (const client of clients) {
      const run = await endOf(client, id)
      const link = new URL(run.result?.files[0]?.download.url ?? '')
      for (const url of urls) expect((await fetch(url + link.pathname + link.search)).status).toBe(200)
      const left = Number(link.searchParams.get('expires')) * 1000 - Date.now()
      expect(left).toBeGreaterThan(0)
      expect(left).toBeLessThan(1_800_000)
    }
  })

  test('deadlines, idempotency keys and reuse count the same time everywhere', async () => {
    const create = `mutation ($key: String, $reuse: Duration) { createReportRun(input: {
      report: { byName: { name: "test.slow.1", parameters: { rows: "11" } } }, idempotencyKey: $key, startWithin: "PT10M", reuseWithin: $reuse
    }) { reportRun { id } userErrors { message } } }`
    type Created = { createReportRun: { reportRun: { id: string } } }
    const made = new Set<string>()
    for (const client of clients) {
      const { createReportRun } = await client.request<Created>(create, { key: 'once' })
      made.add(createReportRun.reportRun.id)
    }
    expect(made.size).toBe(1)
    const [id = ''] = made
    for (const client of clients) expect((await endOf(client, id)).status).toBe('SUCCEEDED')
    for (const client of clients) {
      const { createReportRun } = await client.request<Created>(create, { reuse: 'PT10M' })
      expect(createReportRun.reportRun.id).toBe(id)
    }
  })

  test('the skew is in /ready, in the metrics and in the log', async () => {
    for (const [index, skew] of [0, -3_600, 3_600].entries()) {
      const ready: { status: string; clockSkewMilliseconds: number } = await (
        await fetch(`${urls[index]}/ready`)
      ).json()
      expect(ready.status).toBe('ready')
      expect(Math.round(ready.clockSkewMilliseconds / 60_000)).toBeCloseTo(skew / 60, 0)
      const metrics = await (await fetch(`${urls[index]}/metrics`)).text()
      const [, seconds] = /^report_gateway_clock_skew_seconds (\S+)$/m.exec(metrics) ?? []
      expect(Math.round(Number(seconds) / 60)).toBeCloseTo(skew / 60, 0)
      const warning = expect(processes[index]?.output())
      if (skew === 0) warning.not.toContain('The clock of this machine is')
      else warning.toContain('The clock of this machine is')
    }
  })
})
