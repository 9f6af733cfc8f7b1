import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { spawnGateway } from '../../support/gateway-process.ts'
import { createGraphqlClient } from '../../support/graphql-client.ts'

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'report-gateway-start-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

async function readKeys(dataDir: string): Promise<{ test: string; live: string }> {
  return JSON.parse(await readFile(join(dataDir, 'keys.json'), 'utf8'))
}

/** Process id of the embedded Postgres, from the output of the gateway that starts it or takes it over. */
function postgresPid(output: string): number {
  return Number(/Postgres \(process (\d+)\)/.exec(output)?.[1])
}

/** False also for a zombie, a process that has ended and whose parent has not read its exit code: its state is Z. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const countRows = `{ reportTypes { nodes { name dataAvailableFrom } } reportRuns { totalCount } }`
type Counted = {
  reportTypes: { nodes: { dataAvailableFrom: string | null }[] }
  reportRuns: { totalCount: number }
}

describe('on an embedded Postgres', () => {
  test('the first start creates keys and ledgers, a kill loses nothing, and Ctrl-C leaves no process', async () => {
    await using folder = await temporaryFolder()
    const environment = { DATA_DIR: join(folder.path, 'data') }

    await using first = spawnGateway(environment)
    const url = await first.ready()
    const keys = await readKeys(environment.DATA_DIR)
    expect((await stat(join(environment.DATA_DIR, 'keys.json'))).mode & 0o777).toBe(0o600)
    expect(first.output()).toContain(keys.test)
    const sizes = [
      ...first.output().matchAll(/^Demo ledger, (live|test) mode: (\d+) balance transactions\.$/gm),
    ]
    expect(sizes.map(([, mode]) => mode).toSorted()).toEqual(['live', 'test'])
    for (const [, mode, size] of sizes)
      expect(Number(size)).toBeGreaterThan(mode === 'live' ? 10_000 : 100_000)
    const created = await createGraphqlClient(url, keys.live).request<{
      createReportRun: { reportRun: { id: string } }
    }>(
      'mutation { createReportRun(input: { report: { balanceSummary1: { interval: { relative: PREVIOUS_MONTH } } } }) { reportRun { id } } }',
    )
    expect(created.createReportRun.reportRun.id).toMatch(/^frr_/)

    const orphan = postgresPid(first.output())
    first.child.kill('SIGKILL')
    await first.ended()
    expect(isAlive(orphan)).toBe(true)

    await using second = spawnGateway(environment)
    const client = createGraphqlClient(await second.ready(), keys.live)
    const counted = await client.request<Counted>(countRows)
    expect(counted.reportRuns.totalCount).toBe(1)
    expect(counted.reportTypes.nodes[0]?.dataAvailableFrom).not.toBeNull()
    expect(await readKeys(environment.DATA_DIR)).toEqual(keys)

    // Twice, as when npm forwards the signal that the terminal has sent to both.
    second.child.kill('SIGINT')
    second.child.kill('SIGINT')
    expect(await second.ended()).toBe(0)
    expect(isAlive(orphan)).toBe(false)
  })

  test.runIf(process.getuid?.() === 0)(
    'root can start it inside a folder that only root can enter',
    async () => {
      await using folder = await temporaryFolder()
      await chmod(folder.path, 0o700)
      await using gateway = spawnGateway({ DATA_DIR: join(folder.path, 'data') })
      const keys = gateway.ready().then(() => readKeys(join(folder.path, 'data')))
      const url = await gateway.ready()
      const { reportTypes } = await createGraphqlClient(url, (await keys).test).request<Counted>(countRows)
      expect(reportTypes.nodes[0]?.dataAvailableFrom).not.toBeNull()
    },
  )

  test('two gateways share one data folder, and the last to end stops its Postgres', async () => {
    await using folder = await temporaryFolder()
    const environment = { DATA_DIR: join(folder.path, 'data') }
    await using one = spawnGateway(environment)
    await using other = spawnGateway(environment)
    const urls = await Promise.all([one.ready(), other.ready()])
    const { test: key } = await readKeys(environment.DATA_DIR)
    for (const url of urls) {
      const { reportTypes } = await createGraphqlClient(url, key).request<Counted>(countRows)
      expect(reportTypes.nodes[0]?.dataAvailableFrom).not.toBeNull()
    }
    const postgres = postgresPid(one.output() + other.output())
    one.child.kill('SIGINT')
    expect(await one.ended()).toBe(0)
    expect(isAlive(postgres)).toBe(true)
    other.child.kill('SIGTERM')
    expect(await other.ended()).toBe(0)
    expect(isAlive(postgres)).toBe(false)
  })

  test('a stop is orderly even when its output is closed', async () => {
    await using folder = await temporaryFolder()
    await using gateway = spawnGateway({ DATA_DIR: join(folder.path, 'data'), DEMO: 'false' })
    await gateway.ready()
    const postgres = postgresPid(gateway.output())
    gateway.child.stdout?.destroy()
    gateway.child.stderr?.destroy()
    gateway.child.kill('SIGTERM')
    expect(await gateway.ended()).toBe(0)
    expect(isAlive(postgres)).toBe(false)
  })
})

describe('on an external Postgres', () => {
  test('only our own schemas are created, and no demo', async () => {
    await using folder = await temporaryFolder()
    await using database = await createTestDatabase()
    await database.query('drop schema report_gateway cascade')
    await database.query('drop schema report_gateway_queue cascade')
    const schemas = () =>
      database.query<{ nspname: string }>(
        "select nspname from pg_namespace where nspname !~ '^pg_' order by 1",
      )
    expect(await schemas()).toEqual([{ nspname: 'information_schema' }, { nspname: 'public' }])

    await using gateway = spawnGateway({ DATA_DIR: join(folder.path, 'data'), DATABASE_URL: database.url })
    await gateway.ready()
    expect((await schemas()).map(({ nspname }) => nspname)).toEqual([
      'information_schema',
      'public',
      'report_gateway',
      'report_gateway_queue',
    ])
    const [tables] = await database.query(
      "select count(*)::int as count from pg_tables where schemaname = 'public'",
    )
    expect(tables).toEqual({ count: 0 })
    const [accounts] = await database.query('select count(*)::int as count from report_gateway.accounts')
    expect(accounts).toEqual({ count: 0 })
    expect(gateway.output()).not.toContain('sk_test_')
  })

  test('the demo is loaded when it is configured', async () => {
    await using folder = await temporaryFolder()
    await using database = await createTestDatabase()
    const dataDir = join(folder.path, 'data')
    await using gateway = spawnGateway({ DATA_DIR: dataDir, DATABASE_URL: database.url, DEMO: 'true' })
    const client = createGraphqlClient(await gateway.ready(), (await readKeys(dataDir)).test)
    const { reportTypes } = await client.request<Counted>(countRows)
    expect(reportTypes.nodes[0]?.dataAvailableFrom).not.toBeNull()
  })

  test('an unreachable Postgres is reported without its password', async () => {
    await using folder = await temporaryFolder()
    await using gateway = spawnGateway({
      DATA_DIR: join(folder.path, 'data'),
      DATABASE_URL: 'postgres://someone:hunter2@127.0.0.1:9/none',
    })
    expect(await gateway.ended()).toBe(1)
    expect(gateway.output()).toMatch(/^Cannot use the database none at 127\.0\.0\.1:9, .*\n$/)
    expect(gateway.output()).not.toContain('hunter2')
  })
})

test('a port in use is reported in one sentence, before anything else starts', async () => {
  await using folder = await temporaryFolder()
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as AddressInfo
  try {
    await using gateway = spawnGateway({
      DATA_DIR: join(folder.path, 'data'),
      PORT: String(port),
      CONCURENCY: '2',
    })
    expect(await gateway.ended()).toBe(1)
    expect(gateway.output()).toBe(
      `The variable CONCURENCY has no effect. Did you mean CONCURRENCY?\nPort ${port} on 127.0.0.1 is in use. Stop the process that uses it, or choose another port: PORT=${port + 1} npm start\n`,
    )
    await expect(stat(join(folder.path, 'data'))).rejects.toThrow('ENOENT')
  } finally {
    holder.close()
  }
})

test('Ctrl-C during the start stops the process in order', async () => {
  await using folder = await temporaryFolder()
  await using gateway = spawnGateway({ DATA_DIR: join(folder.path, 'data') })
  await vi.waitFor(() => expect(gateway.output()).toMatch(/Started Postgres/), {
    timeout: 30_000,
    interval: 20,
  })
  const postgres = postgresPid(gateway.output())
  gateway.child.kill('SIGINT')
  await gateway.ended()
  expect(isAlive(postgres)).toBe(false)
})
