import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Config } from '../config/config.ts'
import type { HttpStatus } from '../error-codes.ts'
import { graphqlEndpoint } from '../graphql/endpoint.ts'
import type { GraphqlServer } from '../graphql/server.ts'
import { cutSlowStream } from '../graphql/transports/connection-limits.ts'
import type { EventStreams } from '../graphql/transports/drain.ts'
import { streamSink } from '../graphql/transports/sinks.ts'
import { type AccessRule, explainAccess, isFromThisMachine } from './access.ts'
import { answerText, type Handler } from './http.ts'

const handshakeAdvice =
  'The handshake of the WebSocket arrived without the headers "Upgrade: websocket" and "Connection: Upgrade" of HTTP/1.1. A proxy must pass them on; with nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; See docs/operations/reverse-proxies.md.'

/**
 * Creates the handler of a process that serves clients.
 *
 * @param streams receives the responses that can become event streams
 * @param download null when this process serves no files
 */
export function createGatewayRouter(
  config: Config,
  isAllowed: AccessRule,
  { yoga, shortPath }: GraphqlServer,
  streams: EventStreams,
  download: Handler | null,
): Handler {
  return async (request, response, url) => {
    if (!isAllowed(request.headers)) return answerText(response, 403, explainAccess(config))
    if (download && url.pathname.startsWith('/files/')) return download(request, response, url)
    if (url.pathname === graphqlEndpoint) {
      if (isHandshake(request)) return refuseHandshake(request, response)
      if (await shortPath?.(request, response)) return
      streams.watch(response)
      cutSlowStream(response, config.sockets.slowReaderSeconds)
      // Also after a complete response: Yoga can refuse to stream a subscription that has already started.
      const gone = new AbortController()
      response.once('close', () => gone.abort())
      await yoga(request, response, {
        gone: gone.signal,
        sink: streamSink(response),
        isLocal: isFromThisMachine(request),
      })
      return
    }
    if (url.pathname === '/') {
      response.writeHead(302 satisfies HttpStatus<'any'>, { Location: graphqlEndpoint }).end()
      return
    }
    answerText(response, 404, `There is nothing at ${url.pathname}. GraphQL is at ${graphqlEndpoint}.`)
  }
}

/** True for the handshake of a WebSocket, also when a proxy has removed the headers that apply to one connection. */
function isHandshake({ headers }: IncomingMessage): boolean {
  return headers['sec-websocket-key'] !== undefined || headers.upgrade?.toLowerCase() === 'websocket'
}

/** Answers a handshake that the server did not accept as one. */
function refuseHandshake({ headers, httpVersion }: IncomingMessage, response: ServerResponse): void {
  if (
    headers.upgrade !== undefined &&
    /\bupgrade\b/i.test(headers.connection ?? '') &&
    httpVersion === '1.1'
  ) {
    response.setHeader('Retry-After', '1')
    answerText(response, 503, 'The gateway is starting or stopping. Connect again in a second.')
    return
  }
  response.setHeader('Upgrade', 'websocket')
  // Node leaves out "close" when the header is set, and a client of HTTP/1.0 waits for the end of the connection.
  response.setHeader('Connection', response.shouldKeepAlive ? 'Upgrade' : 'Upgrade, close')
  answerText(response, 426, handshakeAdvice)
}

/** Answers all requests to a worker that no operator endpoint serves. */
export const answerAsWorker: Handler = async (_request, response, { pathname }) =>
  answerText(
    response,
    404,
    `There is nothing at ${pathname}. This process is a worker: it serves /health, /ready and /metrics only.`,
  )
