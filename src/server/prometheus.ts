import type { Pool } from 'pg'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Metrics } from '../metrics.ts'
import { queueSchema, reportRunQueue } from '../postgres/queue.ts'
import { shareAnswer } from './readiness.ts'

export type Prometheus = {
  /** To be called when something happens. */
  metrics: Metrics
  /**
   * Adds what is measured when it is scraped: the connections of these pools, and runs that wait for a worker, counted by
   * `probes`.
   */
  observe(pools: Readonly<Record<string, Pool>> & { probes: Pool }): void
  /** All figures in Prometheus's text format. */
  print(): Promise<{ contentType: string; text: string }>
}

const requestBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const runBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400]

/** Counting what waits costs a query, so scrapes share its answer for so long. */
const cacheMilliseconds = 5_000

/** Counts for one gateway, in a registry of its own: several gateways may live in one process. */
export function createPrometheus(): Prometheus {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return {
    metrics: { ...createRunMetrics(registry), ...createServerMetrics(registry) },
    observe: (pools) => {
      new Gauge({
        ...described(
          registry,
          'pool_connections',
          'Connections to Postgres, by pool: all of them, those that are idle, and requests that wait for one.',
          ['pool', 'state'],
        ),
        collect() {
          for (const [pool, { totalCount, idleCount, waitingCount }] of Object.entries(pools)) {
            this.set({ pool, state: 'total' }, totalCount)
            this.set({ pool, state: 'idle' }, idleCount)
            this.set({ pool, state: 'waiting' }, waitingCount)
          }
        },
      })
      const waiting = shareAnswer(
        () => countWaitingRuns(pools.probes).catch(() => Number.NaN),
        cacheMilliseconds,
      )
      new Gauge({
        ...described(
          registry,
          'queue_depth',
          'Report runs of all processes that wait for a worker, some seconds ago at most. NaN when it is not known.',
        ),
        async collect() {
          this.set(await waiting())
        },
      })
    },
    print: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

/** What a metric of ours is made with. */
function described<Label extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: Label[] = [],
) {
  return { name: `report_gateway_${name}`, help, labelNames, registers: [registry] }
}

/** Report runs that wait for a worker, by an index that has only those. */
async function countWaitingRuns(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::integer as count from ${queueSchema}.job where name = $1 and state < 'active'`,
    [reportRunQueue],
  )
  return rows[0]?.count ?? 0
}

function createRunMetrics(
  registry: Registry,
): Pick<Metrics, 'runTaken' | 'runEnded' | 'eventsDelivered' | 'wakeUpReconnected'> {
  const counter = <Label extends string = never>(name: string, help: string, labels: Label[] = []) =>
    new Counter(described(registry, name, help, labels))
  const histogram = <Label extends string>(name: string, help: string, labels: Label[]) =>
    new Histogram({ ...described(registry, name, help, labels), buckets: runBuckets })
  const runs = counter('runs_total', 'Report runs that this process has ended, by their final status.', [
    'report_type',
    'status',
  ])
  const duration = histogram('run_duration_seconds', 'Time from the first start of a run to its end.', [
    'report_type',
    'status',
  ])
  const waited = histogram('run_queue_seconds', 'Time from the creation of a run to its first start.', [
    'report_type',
  ])
  const rows = counter('rows_written_total', 'Rows in the files of runs that succeeded.', ['report_type'])
  const bytes = counter('bytes_written_total', 'Bytes in the files of runs that succeeded, as stored.', [
    'report_type',
  ])
  const running = new Gauge(
    described(registry, 'runs_running', 'Report runs that this process works on now.'),
  )
  const events = counter(
    'events_delivered_total',
    'Entries of the event log that were put into mailboxes of subscriptions.',
  )
  const reconnects = counter('wake_up_reconnects_total', 'How often the wake-up connection was made anew.')
  return {
    runTaken: ({ reportType, createdAt, startedAt, execution }) => {
      // One that is begun again has waited before.
      if (startedAt && execution === 1) {
        const seconds = (startedAt.getTime() - createdAt.getTime()) / 1000
        waited.observe({ report_type: reportType }, Math.max(0, seconds))
      }
      running.inc()
      return () => running.dec()
    },
    runEnded: ({ reportType, status, runMilliseconds, rowCount, byteSize }) => {
      const type = { report_type: reportType }
      runs.inc({ ...type, status })
      if (runMilliseconds !== null) duration.observe({ ...type, status }, Number(runMilliseconds) / 1000)
      rows.inc(type, Number(rowCount ?? 0))
      bytes.inc(type, Number(byteSize ?? 0))
    },
    eventsDelivered: (count) => events.inc(count),
    wakeUpReconnected: () => reconnects.inc(),
  }
}

function createServerMetrics(
  registry: Registry,
): Pick<Metrics, 'requestAnswered' | 'operationExecuted' | 'socketOpened' | 'subscriptionOpened'> {
  const requests = new Histogram({
    ...described(
      registry,
      'http_request_duration_seconds',
      'HTTP requests, and how long each took to be answered to its end; streams and downloads included.',
      ['method', 'route', 'status'],
    ),
    buckets: requestBuckets,
  })
  const operations = new Counter(
    described(registry, 'graphql_operations_total', 'GraphQL operations over HTTP and WebSocket.', [
      'kind',
      'outcome',
    ]),
  )
  const openGauge = (name: string, help: string) => {
    const gauge = new Gauge(described(registry, name, help))
    return (): (() => void) => {
      gauge.inc()
      return () => gauge.dec()
    }
  }
  return {
    requestAnswered: ({ seconds, ...labels }) => requests.observe(labels, seconds),
    operationExecuted: (labels) => operations.inc(labels),
    socketOpened: openGauge('open_sockets', 'WebSockets that are open.'),
    subscriptionOpened: openGauge('open_subscriptions', 'GraphQL subscriptions under way.'),
  }
}
