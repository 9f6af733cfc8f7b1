import type { Pool } from 'pg'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Metrics } from '../metrics.ts'
import type { Clock } from '../postgres/clock.ts'
import { countWaitingRuns } from '../postgres/queue.ts'
import type { Readiness } from './readiness.ts'
import { shareAnswer } from './share-answer.ts'
import { observeState } from './state-metrics.ts'
import type { Telemetry } from './telemetry/telemetry.ts'

const requestBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const runBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400]

/** Counting waiting runs takes a query, so scrapes share its result for this time. */
const cacheMilliseconds = 5_000

const byType = ['report_type'] as const
const byTypeAndStatus = ['report_type', 'status'] as const

type Observed = {
  pools: Readonly<Record<string, Pool>> & { probes: Pool }
  clock: Pick<Clock, 'skewMilliseconds'>
  readiness: Pick<Readiness, 'ask'>
}

/** Creates the metrics of one gateway in a separate registry, because several gateways can run in one process. */
export function createPrometheus(telemetry: Telemetry | null = null) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return {
    /** Functions to call when something happens. */
    metrics: createMetrics(registry, telemetry),
    /**
     * Adds the gauges that are measured at each scrape: the checks of `/ready`, the connections of these pools, the state
     * of the database, which `probes` reads, and the clock. The registry is complete then.
     */
    observe: ({ pools, clock, readiness }: Observed) => {
      new Gauge({
        name: 'report_gateway_check_up',
        help: 'Checks of /ready: 1 when up, 0 when down.',
        labelNames: ['check'],
        registers: [registry],
        async collect() {
          const { checks, replica } = await readiness.ask()
          const answers = { ...checks, ...(replica && { replica }) }
          for (const [check, answer] of Object.entries(answers)) this.set({ check }, Number(answer === 'up'))
        },
      })
      new Gauge({
        name: 'report_gateway_pool_connections',
        help: 'Connections to Postgres by pool: total, in use, idle, the maximum, and requests waiting for a connection.',
        labelNames: ['pool', 'state'],
        registers: [registry],
        collect() {
          for (const [pool, { totalCount, idleCount, waitingCount, options }] of Object.entries(pools)) {
            this.set({ pool, state: 'max' }, options.max)
            this.set({ pool, state: 'total' }, totalCount)
            this.set({ pool, state: 'used' }, totalCount - idleCount)
            this.set({ pool, state: 'idle' }, idleCount)
            this.set({ pool, state: 'waiting' }, waitingCount)
          }
        },
      })
      const count = shareAnswer(() => countWaitingRuns(pools.probes), cacheMilliseconds)
      new Gauge({
        name: 'report_gateway_queue_depth',
        help: 'Report runs of all processes that wait for a worker, at most a few seconds old. NaN when unknown.',
        registers: [registry],
        async collect() {
          this.set(await count().catch(() => Number.NaN))
        },
      })
      observeState(registry, pools.probes)
      new Gauge({
        name: 'report_gateway_clock_skew_seconds',
        help: "Seconds by which this machine's clock is ahead of the database's; negative when it is behind.",
        registers: [registry],
        collect() {
          this.set(clock.skewMilliseconds() / 1000)
        },
      })
      telemetry?.sendMetrics(registry)
    },
    /** All metrics in Prometheus's text format. */
    print: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

function createMetrics(registry: Registry, telemetry: Telemetry | null): Metrics {
  const registers = [registry]
  const counter = <Label extends string>(name: string, labelNames: readonly Label[], help: string) =>
    new Counter({ name, labelNames, help, registers })
  const histogram = <Label extends string>(
    name: string,
    labelNames: readonly Label[],
    buckets: number[],
    help: string,
  ) => {
    const own = new Histogram({ name, labelNames, buckets, help, registers })
    const send = telemetry?.createHistogram(name, help, buckets)
    return {
      observe: (labels: Partial<Record<Label, string | number>>, value: number): void => {
        own.observe(labels, value)
        send?.(value, labels)
      },
    }
  }
  /** Gauge of what is in progress: the returned function adds one, and returns a function that subtracts it again. */
  const underWay = (name: string, help: string) => {
    const gauge = new Gauge({ name, help, registers })
    return (): (() => void) => {
      gauge.inc()
      return () => gauge.dec()
    }
  }

  const runs = counter(
    'report_gateway_runs_total',
    byTypeAndStatus,
    'Report runs that this process has ended, by final status.',
  )
  const failures = counter(
    'report_gateway_run_failures_total',
    ['report_type', 'code'],
    'Report runs that this process has ended as FAILED, by failure code.',
  )
  const duration = histogram(
    'report_gateway_run_duration_seconds',
    byTypeAndStatus,
    runBuckets,
    'Time from the first start of a run to its end.',
  )
  const waited = histogram(
    'report_gateway_run_queue_seconds',
    byType,
    runBuckets,
    'Time from the creation of a run to its first start.',
  )
  const running = underWay('report_gateway_runs_running', 'Report runs that this process is working on.')
  const rows = counter(
    'report_gateway_rows_written_total',
    byType,
    'Rows in the files of runs that succeeded.',
  )
  const bytes = counter(
    'report_gateway_bytes_written_total',
    byType,
    'Bytes in the files of runs that succeeded, as stored.',
  )
  const events = counter(
    'report_gateway_events_delivered_total',
    [],
    'Entries of the event log that were delivered to subscriptions.',
  )
  const reconnects = counter(
    'report_gateway_wake_up_reconnects_total',
    [],
    'Number of times the wake-up connection was reopened.',
  )
  const requests = histogram(
    'report_gateway_http_request_duration_seconds',
    ['method', 'route', 'status'],
    requestBuckets,
    'Time from an HTTP request to the end of its response, including streams and downloads.',
  )
  const operations = counter(
    'report_gateway_graphql_operations_total',
    ['kind', 'outcome'],
    'GraphQL operations over HTTP and WebSocket.',
  )
  return {
    runTaken: ({ reportType, createdAt, startedAt, execution }) => {
      // A run that starts again was observed at its first start.
      if (startedAt && execution === 1) {
        const seconds = (startedAt.getTime() - createdAt.getTime()) / 1000
        waited.observe({ report_type: reportType }, Math.max(0, seconds))
      }
      return running()
    },
    runEnded: ({ reportType, status, failureCode, runMilliseconds, rowCount, byteSize }) => {
      const type = { report_type: reportType }
      runs.inc({ ...type, status })
      if (failureCode !== null) failures.inc({ ...type, code: failureCode })
      if (runMilliseconds !== null) duration.observe({ ...type, status }, Number(runMilliseconds) / 1000)
      rows.inc(type, Number(rowCount ?? 0))
      bytes.inc(type, Number(byteSize ?? 0))
    },
    eventsDelivered: (count) => events.inc(count),
    wakeUpReconnected: () => reconnects.inc(),
    requestAnswered: ({ seconds, ...labels }) => requests.observe(labels, seconds),
    operationExecuted: (labels) => operations.inc(labels),
    socketOpened: underWay('report_gateway_open_sockets', 'Open WebSockets.'),
    catchUpStarted: underWay(
      'report_gateway_catch_up_readers',
      'Followers that read the event log themselves, because they have just started or cannot keep up.',
    ),
    subscriptionOpened: underWay('report_gateway_open_subscriptions', 'Active GraphQL subscriptions.'),
  }
}
