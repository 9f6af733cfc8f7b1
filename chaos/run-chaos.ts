import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createApiKey } from '../src/auth/api-keys.ts'
import { idPrefixes, newId } from '../src/ids.ts'
import { createPool, createPrisma, type Prisma } from '../src/postgres/client.ts'
import type { Prisma as PrismaTypes } from '../src/postgres/generated/prisma/client.ts'
import { migrate } from '../src/postgres/migrate.ts'
import { encodeEventCursor } from '../src/runs/follow/event-log.ts'
import { freePort } from '../test/support/free-port.ts'
import { spawnGateway, testEntry } from '../test/support/gateway-process.ts'
import { startOwnPostgres } from '../test/support/own-postgres.ts'
import { startReverseProxy } from '../test/support/reverse-proxy.ts'
import { supervise } from '../test/support/supervised-workers.ts'
import { startTcpProxy, type TcpProxy } from '../test/support/tcp-proxy.ts'
import { createDriver } from './driver.ts'
import { startNemesis } from './nemesis.ts'
import { createRandom } from './random.ts'
import { judge, receivedPosition, type Verdict } from './verdict.ts'
import { startWatcher, transports, type Watcher } from './watchers.ts'

export type ChaosOptions = {
  /** Number of runs to request. */
  runs: number
  /** Determines the requests and the faults; their timing depends on the machine. */
  seed: number
  /** A proxy in front of the gateways, with its file of `ops/`; null for none. */
  behind: 'nginx' | null
  /** Called with a sentence for each step. */
  onProgress: (message: string) => void
}

export type ChaosReport = {
  verdict: Verdict
  /** A sentence for each event that a client did not receive. */
  missed: string[]
  faults: Map<string, number>
  /** Number of runs by final status. */
  runs: Map<string, number>
  /** Events that clients received, and how often they reconnected. */
  delivered: number
  reconnects: number
  /** Events in the log. */
  events: number
  /** Answers that no client should receive. */
  surprises: string[]
  /** From the last fault until the last run had ended, and until every client had received its last event. */
  endedSeconds: number
  deliveredSeconds: number
}

const submitters = 8
const accountCount = 2
const watchersEach = 2
// The loss of a worker is noticed after ten seconds, and several can be lost one after the other.
const endMilliseconds = 120_000
const deliveryMilliseconds = 30_000
// How long a process takes to start on two idle processors.
const usualStartMilliseconds = 2_500

async function createKeys(prisma: Prisma): Promise<Map<string, string>> {
  const keys = new Map<string, string>()
  for (let i = 0; i < accountCount; i++) {
    const accountId = newId(idPrefixes.account, new Date())
    await prisma.account.create({ data: { id: accountId, name: `Chaos ${i}` } })
    const { secret } = await createApiKey(prisma, { accountId, livemode: false, name: 'Chaos' })
    keys.set(accountId, secret)
  }
  return keys
}

/** Polls a condition until it is true or the time is over. Returns the seconds it took. */
async function waitFor(isTrue: () => Promise<boolean>, milliseconds: number): Promise<number> {
  const startedAt = Date.now()
  while (!(await isTrue()) && Date.now() - startedAt < milliseconds) await delay(100)
  return (Date.now() - startedAt) / 1000
}

async function allDelivered(prisma: Prisma, watchers: readonly Watcher[]): Promise<boolean> {
  const last = await prisma.reportRunEvent.groupBy({
    by: ['accountId'],
    where: { kind: { not: 'PROGRESSED' } },
    _max: { position: true },
  })
  const positions = new Map(last.map(({ accountId, _max: { position } }) => [accountId, position]))
  return watchers.every(({ account, history }) => {
    const owner = { accountId: account, livemode: false }
    return history.some(({ cursor }) => receivedPosition(owner, cursor) === positions.get(account))
  })
}

/** Runs two gateways and two workers on one Postgres, with clients over every transport, and injects faults. */
export async function runChaos({ runs, seed, behind, onProgress }: ChaosOptions): Promise<ChaosReport> {
  await using cleanup = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-chaos-'))
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }))
  onProgress('Starting Postgres.')
  const postgres = cleanup.use(await startOwnPostgres())
  await migrate(postgres.database.url)
  const pool = createPool({ url: postgres.database.url, max: 3, applicationName: 'chaos', onError: () => {} })
  cleanup.defer(() => pool.end())
  const prisma = createPrisma(pool)
  cleanup.defer(() => prisma.$disconnect())
  const keys = await createKeys(prisma)

  onProgress('Starting two gateways and two workers.')
  const databaseLinks: TcpProxy[] = []
  /** How long the last start of a process took. */
  let startMilliseconds = 0
  const start = async (role: string, port: number) => {
    const link = cleanup.use(await startTcpProxy(postgres.database.url))
    databaseLinks.push(link)
    const environment = {
      ROLE: role,
      PORT: String(port),
      DATABASE_URL: link.through(postgres.database.url),
      DATA_DIR: dataDir,
      CONCURRENCY: '6',
      ACCOUNT_CONCURRENCY: '8',
      DAILY_RUNS: '1000000',
      // More than a run uses up: each fault can cost a run an attempt.
      RUN_ATTEMPTS: '20',
      STOP_SECONDS: '1',
      LOG_LEVEL: 'silent',
    }
    const processes = cleanup.use(supervise(1, () => spawnGateway(environment, testEntry)))
    const startedAt = performance.now()
    await processes.at(0).ready()
    startMilliseconds = performance.now() - startedAt
    return processes
  }
  const clientLinks: TcpProxy[] = []
  const urls: string[] = []
  const gatewayUrls: string[] = []
  const gateways = []
  for (let i = 0; i < 2; i++) {
    const port = await freePort()
    gateways.push(await start('gateway', port))
    gatewayUrls.push(`http://127.0.0.1:${port}`)
    if (behind !== null) continue
    const link = cleanup.use(await startTcpProxy(`http://127.0.0.1:${port}`))
    clientLinks.push(link)
    urls.push(`http://127.0.0.1:${link.port}`)
  }
  const [first, second] = gatewayUrls
  if (behind !== null && first && second) {
    onProgress(`Starting ${behind} in front of the gateways.`)
    const proxy = cleanup.use(await startReverseProxy(behind, [first, second]))
    const link = cleanup.use(await startTcpProxy(proxy.url))
    clientLinks.push(link)
    urls.push(`http://127.0.0.1:${link.port}`)
  }
  const workers = [await start('worker', 0), await start('worker', 0)]

  const watchers = [...keys].flatMap(([account, key]) =>
    transports.flatMap((transport) =>
      Array.from({ length: watchersEach }, (_, number) => {
        const cursor = encodeEventCursor(
          { accountId: account, livemode: false },
          { position: 0n, snapshotsAfter: null },
        )
        const random = createRandom(seed, `${transport} ${number} ${account}`)
        return startWatcher(transport, { account, key, urls, isBehindProxy: behind !== null, cursor, random })
      }),
    ),
  )
  const stopping = new AbortController()
  const driver = createDriver({ keys, urls, random: createRandom(seed, 'driver'), signal: stopping.signal })
  const nemesis = startNemesis({
    gateways,
    workers,
    databaseLinks,
    clientLinks,
    postgres,
    query: (text) => pool.query(text),
    random: createRandom(seed, 'nemesis'),
    slowness: Math.max(1, startMilliseconds / usualStartMilliseconds),
  })

  onProgress(`Requesting ${runs} runs, with faults.`)
  let next = 0
  const submitAll = async (): Promise<void> => {
    while (next < runs) {
      const number = next++
      if (number > 0 && number % 100 === 0) onProgress(`${number} runs were requested.`)
      await driver.submit(number)
    }
  }
  await Promise.all(Array.from({ length: submitters }, submitAll))
  await nemesis.stop()
  onProgress('No more faults. Waiting for the runs to end and for the clients to receive their events.')
  const live: PrismaTypes.ReportRunWhereInput = { status: { in: ['PENDING', 'RUNNING', 'CANCELING'] } }
  const endedSeconds = await waitFor(
    async () => (await prisma.reportRun.count({ where: live })) === 0,
    endMilliseconds,
  )
  const deliveredSeconds = await waitFor(() => allDelivered(prisma, watchers), deliveryMilliseconds)
  stopping.abort()
  await Promise.all(watchers.map((watcher) => watcher.stop()))

  const { acknowledged, surprises } = driver
  const { verdict, missed } = await judge({ prisma, dataDir, watchers, acknowledged })
  const statuses = await prisma.reportRun.groupBy({ by: ['status'], _count: true })
  return {
    verdict,
    missed,
    faults: nemesis.faults,
    runs: new Map(statuses.map(({ status, _count }) => [status, _count])),
    delivered: watchers.reduce((sum, { history }) => sum + history.length, 0),
    reconnects: watchers.reduce((sum, watcher) => sum + watcher.reconnects(), 0),
    events: await prisma.reportRunEvent.count(),
    surprises: [...surprises, ...watchers.flatMap((watcher) => watcher.surprises)],
    endedSeconds,
    deliveredSeconds,
  }
}
