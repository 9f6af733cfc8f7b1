import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Metrics } from '../metrics.ts'
import { inRequest, type RequestContext, requestIdOf } from '../request-context.ts'
import type { Tracing } from '../tracing.ts'

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'PATCH', 'DELETE'])
const probes = new Set(['/health', '/ready', '/metrics'])
const routes = new Set([...probes, '/graphql', '/'])

/** In characters: some proxies with IPv6 addresses. */
const maxForwardedLength = 200

/** Serves a request under an id, and records in the log and the metrics how it ended. */
export function watchRequest(
  { logger, metrics, tracing }: { logger: Logger; metrics: Metrics; tracing: Tracing },
  request: IncomingMessage,
  response: ServerResponse,
  { pathname }: URL,
  serve: () => Promise<void>,
): Promise<void> {
  const startedAt = performance.now()
  const context: RequestContext = { requestId: requestIdOf(request.headers['x-request-id']) }
  response.setHeader('X-Request-Id', context.requestId)
  const { headers, method: given = '' } = request
  const method = knownMethods.has(given) ? given : 'other'
  const route = routeOf(pathname)
  const client = clientOf(request)
  response.once('close', () => {
    const milliseconds = performance.now() - startedAt
    const status = response.statusCode
    metrics.requestAnswered({
      method,
      route,
      status,
      seconds: milliseconds / 1000,
    })
    const ms = Math.round(milliseconds * 10) / 10
    // Probes arrive every few seconds, for as long as the process runs.
    const level = probes.has(pathname) ? 'debug' : 'info'
    const cut = response.writableFinished ? {} : { isCutOff: true }
    logger[level]({ ...context, ...client, method: given, path: pathname, status, ms, ...cut }, 'request')
  })
  return inRequest(context, () =>
    probes.has(pathname) ? serve() : tracing.inRequest({ method, route, headers, response }, serve),
  )
}

/** The other end of the connection, and the addresses that a proxy has added. Anyone can send the header. */
function clientOf({ socket, headers }: IncomingMessage): { address: string; forwardedFor?: string } {
  const forwardedFor = String(headers['x-forwarded-for'] ?? '').slice(0, maxForwardedLength)
  return { address: socket.remoteAddress ?? '', ...(forwardedFor !== '' && { forwardedFor }) }
}

function routeOf(pathname: string): string {
  if (pathname.startsWith('/files/')) return '/files/:id'
  return routes.has(pathname) ? pathname : 'other'
}
