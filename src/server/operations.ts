import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { HttpStatus } from '../error-codes.ts'
import { type Metrics, noMetrics } from '../metrics.ts'
import { noTracing, type Tracing } from '../tracing.ts'
import { createHostRule, explainAccess } from './access.ts'
import { answerText, type Handler } from './http.ts'
import { createPrometheus } from './prometheus.ts'
import { createReadiness } from './readiness.ts'
import { watchRequest } from './request-log.ts'
import type { Telemetry } from './telemetry/telemetry.ts'

export type Operations = ReturnType<typeof createOperations>

type Page = { status: HttpStatus<'/health' | '/ready' | '/metrics'>; contentType: string; text: string }

/** Creates the endpoints for operators: health, readiness and metrics. */
export function createOperations(config: Config, logger: Logger, telemetry: Telemetry | null = null) {
  const readiness = createReadiness()
  const prometheus = config.metrics || telemetry ? createPrometheus(telemetry) : null
  const tracing = telemetry?.tracing ?? noTracing
  const metrics = withSpans(prometheus?.metrics ?? noMetrics, tracing)
  const pages = new Map<string, () => Promise<Page>>([
    ['/health', async () => json(200, { status: 'alive' })],
    [
      '/ready',
      async () => {
        const ready = await readiness.ask()
        return json(ready.status === 'ready' ? 200 : 503, ready)
      },
    ],
  ])
  if (prometheus && config.metrics)
    pages.set('/metrics', async () => ({ status: 200, ...(await prometheus.print()) }))
  const isHostServed = createHostRule(config)
  return {
    readiness,
    /** Null when metrics are off. */
    prometheus,
    metrics,
    tracing,
    /**
     * Adds `/health`, `/ready` and `/metrics` to a handler, without access control other than the rule for hosts, which
     * applies to every path; logs and counts each request.
     */
    around:
      (serve: Handler): Handler =>
      (request, response, url) =>
        watchRequest({ logger, metrics, tracing }, request, response, url, async () => {
          if (!isHostServed(request.headers)) return answerText(response, 403, explainAccess(config))
          const page = pages.get(url.pathname)
          if (page) await answer(request, response, url, page)
          else await serve(request, response, url)
        }),
  }
}

/** Metrics that also record the end of a run in its span. */
function withSpans(metrics: Metrics, tracing: Tracing): Metrics {
  return {
    ...metrics,
    runEnded: (run) => {
      metrics.runEnded(run)
      tracing.runEnded(run)
    },
  }
}

async function answer(
  { method }: IncomingMessage,
  response: ServerResponse,
  { pathname }: URL,
  page: () => Promise<Page>,
): Promise<void> {
  const { status, contentType, text } =
    method === 'GET' || method === 'HEAD' ? await page() : readOnly(pathname)
  response.writeHead(status, {
    'Content-Type': contentType,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 503 && { 'Retry-After': '1' }),
    ...(status === 405 && { Allow: 'GET, HEAD' }),
  })
  response.end(method === 'HEAD' ? undefined : text)
}

function readOnly(pathname: string): Page {
  const text = `${pathname} is read-only: use GET or HEAD.\n`
  return { status: 405, contentType: 'text/plain; charset=utf-8', text }
}

function json(status: Page['status'], value: object): Page {
  return { status, contentType: 'application/json; charset=utf-8', text: `${JSON.stringify(value)}\n` }
}
