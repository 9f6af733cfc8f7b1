import type { Pool } from 'pg'
import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Registry,
} from 'prom-client'
import type { Metrics } from '../metrics.ts'
import { countWaitingRuns } from '../postgres/queue-tables.ts'
import { shareAnswer } from './readiness.ts'

export type Prometheus = {
  /** To be told what happens. */
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
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  return {
    metrics: { ...createRunMetrics(registers), ...createServerMetrics(registers) },
    observe: (pools) => {
      new Gauge({
        name: 'report_gateway_pool_connections',
        help: 'Connections to Postgres, by pool: all of them, those that are idle, and requests that wait for one.',
        labelNames: ['pool', 'state'],
        registers,
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
        name: 'report_gateway_queue_depth',
        help: 'Report runs of all processes that wait for a worker, some seconds ago at most. NaN when it is not known.',
        registers,
        async collect() {
          this.set(await waiting())
        },
      })
    },
    print: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

function createRunMetrics(
  registers: Registry[],
): Pick<Metrics, 'runTaken' | 'runEnded' | 'eventsDelivered' | 'wakeUpReconnected'> {
  const counter = <Label extends string>(settings: CounterConfiguration<Label>) =>
    new Counter({ ...settings, registers })
  const runs = counter({
    name: 'report_gateway_runs_total',
    help: 'Report runs that this process has ended, by their final status.',
    labelNames: ['report_type', 'status'],
  })
  const duration = new Histogram({
    name: 'report_gateway_run_duration_seconds',
    help: 'Time from the first start of a run to its end.',
    labelNames: ['report_type', 'status'],
    buckets: runBuckets,
    registers,
  })
  const waited = new Histogram({
    name: 'report_gateway_run_queue_seconds',
    help: 'Time from the creation of a run to its first start.',
    labelNames: ['report_type'],
    buckets: runBuckets,
    registers,
  })
  const rows = counter({
    name: 'report_gateway_rows_written_total',
    help: 'Rows in the files of runs that succeeded.',
    labelNames: ['report_type'],
  })
  const bytes = counter({
    name: 'report_gateway_bytes_written_total',
    help: 'Bytes in the files of runs that succeeded, as stored.',
    labelNames: ['report_type'],
  })
  const running = new Gauge({
    name: 'report_gateway_runs_running',
    help: 'Report runs that this process works on now.',
    registers,
  })
  const events = counter({
    name: 'report_gateway_events_delivered_total',
    help: 'Entries of the event log that were put into mailboxes of subscriptions.',
  })
  const reconnects = counter({
    name: 'report_gateway_wake_up_reconnects_total',
    help: 'How often the wake-up connection was made anew.',
  })
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
  registers: Registry[],
): Pick<Metrics, 'requestAnswered' | 'operationExecuted' | 'socketOpened' | 'subscriptionOpened'> {
  const requests = new Histogram({
    name: 'report_gateway_http_request_duration_seconds',
    help: 'HTTP requests, and how long each took to be answered to its end; streams and downloads included.',
    labelNames: ['method', 'route', 'status'],
    buckets: requestBuckets,
    registers,
  })
  const operations = new Counter({
    name: 'report_gateway_graphql_operations_total',
    help: 'GraphQL operations over HTTP and WebSocket.',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const openGauge = (name: string, help: string) => {
    const gauge = new Gauge({ name, help, registers })
    return (): (() => void) => {
      gauge.inc()
      return () => gauge.dec()
    }
  }
  return {
    requestAnswered: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status }, seconds),
    operationExecuted: ({ kind, outcome }) => operations.inc({ kind, outcome }),
    socketOpened: openGauge('report_gateway_open_sockets', 'WebSockets that are open.'),
    subscriptionOpened: openGauge('report_gateway_open_subscriptions', 'GraphQL subscriptions under way.'),
  }
}
