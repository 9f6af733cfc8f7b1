import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { demoAccountId } from '../../src/demo/demo.ts'
import { createPool, createPrisma } from '../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { spawnGateway } from '../support/gateway-process.ts'
import { createGraphqlClient } from '../support/graphql-client.ts'
import { endOf } from '../support/slow-report.ts'

const attributes = z
  .array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) }))
  .default([])

const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  attributes,
  status: z.object({ code: z.number().optional() }).optional(),
})
const tracesSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
})
const metricsSchema = z.object({
  resourceMetrics: z.array(
    z.object({ scopeMetrics: z.array(z.object({ metrics: z.array(z.looseObject({ name: z.string() })) })) }),
  ),
})

type Span = z.infer<typeof spanSchema>

/** Receives OTLP over HTTP with JSON, as a collector does. `paths` lists every request. */
async function startCollector() {
  const spans: Span[] = []
  const metrics: Record<string, unknown>[] = []
  const services: unknown[] = []
  const paths: string[] = []
  const server = createServer(async (request, response) => {
    const body = await json(request)
    paths.push(`${request.url} ${request.headers['content-type']}`)
    if (request.url === '/v1/traces') {
      for (const { resource, scopeSpans } of tracesSchema.parse(body).resourceSpans) {
        services.push(
          ...resource.attributes
            .filter(({ key }) => key === 'service.name')
            .map(({ value }) => value.stringValue),
        )
        spans.push(...scopeSpans.flatMap((scope) => scope.spans))
      }
    } else {
      for (const { scopeMetrics } of metricsSchema.parse(body).resourceMetrics)
        metrics.push(...scopeMetrics.flatMap((scope) => scope.metrics))
    }
    response.setHeader('content-type', 'application/json').end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    // A cast, because a server that listens on TCP has an address of this form.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    services,
    paths,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

let database: TestDatabase
let folder: string
let key: string
beforeAll(async () => {
  database = await createTestDatabase(true)
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-otel-'))
  const pool = createPool({ url: database.url, max: 1, applicationName: 'test', onError: () => {} })
  const owner = { accountId: demoAccountId, livemode: false, name: 'Test' }
  key = (await createApiKey(createPrisma(pool), owner)).secret
  await pool.end()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Writes a line for each module of OpenTelemetry that the gateway loads. prom-client and pg-boss load its small API. */
const watcher = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module'
registerHooks({ resolve: (name, context, next) => {
  const isOwn = !String(context.parentURL).includes('/node_modules/')
  if (isOwn && name.startsWith('@opentelemetry/')) process.stderr.write('loaded ' + name + '\\n')
  return next(name, context)
} })`)}`

function start(variables: Record<string, string>) {
  const environment = { DATABASE_URL: database.url, DATA_DIR: folder, NODE_OPTIONS: `--import=${watcher}` }
  return spawnGateway({ ...environment, ...variables })
}

async function createRun(url: string, traceparent: string): Promise<string> {
  const between = '{ between: { start: "2026-09-01T00:00:00Z", end: "2026-10-01T00:00:00Z" } }'
  const query = `mutation Create { createReportRun(input: { report: { balanceSummary1: { interval: ${between} } } }) {
    reportRun { id } userErrors { message } } }`
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', traceparent }
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
  const { data }: { data: { createReportRun: { reportRun: { id: string } } } } = JSON.parse(
    await response.text(),
  )
  return data.createReportRun.reportRun.id
}

test('spans of a request, its operation and its run form one trace, and metrics arrive, all at the latest at the stop', async () => {
  await using collector = await startCollector()
  await using gateway = start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    // No span is sent before the stop.
    OTEL_BSP_SCHEDULE_DELAY: '600000',
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_METRIC_EXPORT_TIMEOUT: '500',
  })
  const url = await gateway.ready()
  const [traceId, callerSpan] = ['7'.repeat(32), '1'.repeat(16)]
  const runId = await createRun(url, `00-${traceId}-${callerSpan}-01`)
  expect((await endOf(createGraphqlClient(url, key), runId)).status).toBe('SUCCEEDED')
  await fetch(`${url}/files/secret-path?signature=secret-signature`)
  await fetch(`${url}/health`)
  const metric = (name: string) => collector.metrics.findLast((one) => one.name === name)
  // Read from the database, so not after the stop.
  await expect
    .poll(() => metric('report_gateway_oldest_waiting_run_seconds'))
    .toMatchObject({ gauge: { dataPoints: [{ asDouble: 0 }] } })
  expect(collector.spans).toEqual([])
  gateway.child.kill('SIGTERM')
  expect(await gateway.ended()).toBe(0)

  const inTrace = collector.spans.filter((span) => span.traceId === traceId)
  const named = (name: string) => inTrace.find((span) => span.name === name)
  const request = named('POST /graphql')
  const operation = named('mutation Create')
  const created = named('create balance.summary.1')
  const run = named('run balance.summary.1')
  expect([request, operation, created, run].map((span) => span?.parentSpanId)).toEqual([
    callerSpan,
    request?.spanId,
    operation?.spanId,
    created?.spanId,
  ])
  expect(run?.attributes).toContainEqual({ key: 'report_gateway.run.id', value: { stringValue: runId } })
  expect(run?.attributes).toContainEqual({
    key: 'report_gateway.run.status',
    value: { stringValue: 'SUCCEEDED' },
  })
  expect(new Set(collector.services)).toEqual(new Set(['report-gateway']))
  expect(collector.spans.map(({ name }) => name)).toContain('GET /files/:id')
  expect(collector.spans.map(({ name }) => name)).not.toContain('GET /health')
  expect(JSON.stringify(collector.spans)).not.toMatch(/secret-|sk_test_/)

  expect(metric('report_gateway_runs_total')).toMatchObject({
    sum: {
      isMonotonic: true,
      dataPoints: [{ asDouble: 1, attributes: expect.arrayContaining([expect.anything()]) }],
    },
  })
  expect(metric('report_gateway_run_duration_seconds')).toMatchObject({
    histogram: { dataPoints: [{ count: 1 }] },
  })
  for (const name of [
    'process_resident_memory_bytes',
    'report_gateway_clock_skew_seconds',
    'report_gateway_check_up',
  ])
    expect(metric(name)).toBeDefined()
  expect(collector.paths.every((path) => /^\/v1\/(traces|metrics) application\/json$/.test(path))).toBe(true)
})

test.each([
  ['without a variable', {}],
  [
    'with OTEL_SDK_DISABLED',
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' },
  ],
  ['with both exporters off', { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }],
  ['with a service name alone', { OTEL_SERVICE_NAME: 'reports' }],
])('%s no module of OpenTelemetry is loaded', async (_what, variables: Record<string, string>) => {
  await using gateway = start(variables)
  await createRun(await gateway.ready(), '')
  expect(gateway.output()).not.toContain('loaded @opentelemetry/')
})

test('a collector that does not answer neither fails a request nor delays the end by more than some seconds', async () => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  // A cast, as above.
  const { port } = silent.address() as AddressInfo
  await using gateway = start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, STOP_SECONDS: '1' })
  const url = await gateway.ready()
  expect(gateway.output()).toContain('loaded @opentelemetry/sdk-node')
  expect(await createRun(url, '')).toMatch(/^frr_/)
  gateway.child.kill('SIGTERM')
  // The exporter itself would wait for 10 seconds, and try again.
  expect(await gateway.ended()).toBe(0)
  silent.closeAllConnections()
  silent.close()
})
