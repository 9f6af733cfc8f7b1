import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { type Metrics, noMetrics } from '../metrics.ts'
import { createOperationsHandler } from './health.ts'
import { createPrometheus, type Prometheus } from './prometheus.ts'
import { createReadiness, type Readiness } from './readiness.ts'
import { watchRequest } from './request-log.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

export type Operations = {
  readiness: Readiness
  /** Null when nothing is counted. */
  prometheus: Prometheus | null
  metrics: Metrics
  /** Serves `/health`, `/ready` and `/metrics` before all else, and tells log and figures of every request. */
  around(serve: Handler): Handler
}

/** What a process tells those who operate it. */
export function createOperations(isCounting: boolean, logger: Logger): Operations {
  const readiness = createReadiness()
  const prometheus = isCounting ? createPrometheus() : null
  const metrics = prometheus?.metrics ?? noMetrics
  const answer = createOperationsHandler({ readiness, prometheus })
  const around: Operations['around'] = (serve) => (request, response, url) =>
    watchRequest({ logger, metrics }, request, response, url, async () => {
      if (!(await answer(request, response, url))) await serve(request, response, url)
    })
  return { readiness, prometheus, metrics, around }
}
