// npm run bench:events: measures how long a committed change takes to reach a client of another gateway, compared with a
// plain NOTIFY.
import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import { createApiKey } from '../src/auth/api-keys.ts'
import { idPrefixes, newId } from '../src/ids.ts'
import { noMetrics } from '../src/metrics.ts'
import { createConnection, createPool, createPrisma } from '../src/postgres/client.ts'
import { migrate } from '../src/postgres/migrate.ts'
import { startWakeUp } from '../src/postgres/notify.ts'
import { transition } from '../src/runs/lifecycle/transition.ts'
import { spawnGateway } from '../test/support/gateway-process.ts'
import { createGraphqlClient } from '../test/support/graphql-client.ts'
import { insertRun } from '../test/support/insert-run.ts'
import { startOwnPostgres } from '../test/support/own-postgres.ts'

const changes = 1_000
const warmUp = 100
const pauseMilliseconds = 10

function quantile(sorted: readonly number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1)
}

function report(name: string, milliseconds: readonly number[]): void {
  const sorted = milliseconds.slice(warmUp).sort((a, b) => a - b)
  const [p50, p99, max] = [quantile(sorted, 0.5), quantile(sorted, 0.99), quantile(sorted, 1)]
  process.stdout.write(`${name.padEnd(44)} p50 ${p50} ms   p99 ${p99} ms   max ${max} ms\n`)
}

await using cleanup = new AsyncDisposableStack()
const postgres = cleanup.use(await startOwnPostgres())
const { url } = postgres.database
await migrate(url)
const pool = createPool({ url, max: 4, applicationName: 'bench', onError: () => {} })
cleanup.defer(() => pool.end())
const prisma = createPrisma(pool)
cleanup.defer(() => prisma.$disconnect())
const wakeUp = await startWakeUp(url, pool, pino({ level: 'silent' }), { metrics: noMetrics })
cleanup.defer(wakeUp.stop)
const accountId = newId(idPrefixes.account, new Date())
await prisma.account.create({ data: { id: accountId, name: 'Bench' } })
const { apiKey, secret } = await createApiKey(prisma, { accountId, livemode: false, name: 'Bench' })

const gateway = cleanup.use(spawnGateway({ ROLE: 'gateway', DATABASE_URL: url, DATA_DIR: '/tmp' }))
const gatewayUrl = await gateway.ready()
const run = await insertRun(
  prisma,
  { accountId, livemode: false, apiKeyId: apiKey.id },
  { status: 'RUNNING' },
)

// The lower bound: a notification of the same Postgres, without anything to read or serve.
const listener = createConnection(url, 'bench listener')
await listener.connect()
cleanup.defer(() => listener.end())
let onNotified = (): void => {}
listener.on('notification', () => onNotified())
await listener.query('listen bench')

const committedAt = new Map<number, number>()
const delivered: number[] = []
const bare: number[] = []
const { promise: allDelivered, resolve: finish } = Promise.withResolvers<void>()
async function watch(): Promise<void> {
  const query = `subscription { reportRunEvents(progressInterval: "PT0S") { run { id version status } } }`
  type Delivered = { reportRunEvents: { run: { version: number } } }
  for await (const { data } of createGraphqlClient(gatewayUrl, secret).subscribe<Delivered>(query)) {
    const version = data?.reportRunEvents.run.version ?? 0
    const at = committedAt.get(version)
    if (at !== undefined) delivered.push(performance.now() - at)
    if (version === run.version + changes) return finish()
  }
}
void watch()
// The first message is the snapshot; no later change is missed.
await delay(500)
for (let i = 0; i < changes; i++) {
  const changed = await transition(
    { prisma, wakeUp, now: () => new Date(), metrics: noMetrics },
    { runId: run.id, from: 'RUNNING', to: 'RUNNING' },
  )
  if (changed) committedAt.set(changed.version, performance.now())
  const notified = Promise.withResolvers<void>()
  onNotified = notified.resolve
  const at = performance.now()
  await pool.query("select pg_notify('bench', '')")
  await notified.promise
  bare.push(performance.now() - at)
  await delay(pauseMilliseconds)
}
await allDelivered
report('commit to a client of another gateway', delivered)
report('the same Postgres, only NOTIFY to LISTEN', bare)
await cleanup.disposeAsync()
process.exit(0)
