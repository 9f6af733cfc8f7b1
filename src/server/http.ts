import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isWildcardHost } from '../config/config.ts'
import type { HttpStatus } from '../error-codes.ts'
import { ConfigurationError } from '../errors.ts'
import { describeOutage, isOutage } from '../postgres/outage.ts'
import { withoutSecrets } from '../secrets.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

export type HttpServer = Awaited<ReturnType<typeof startHttp>>

export function answerText(response: ServerResponse, status: HttpStatus<'any'>, sentence: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' })
  response.end(`${withoutSecrets(sentence)}\n`)
}

/** Answers requests until the start has finished. */
export const answerStarting: Handler = async (_request, response) => {
  response.setHeader('Retry-After', '1')
  answerText(response, 503, 'The gateway is starting. Try again in a second.')
}

/** In milliseconds. Node's defaults wait for minutes, and check only twice a minute. */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 2_000,
}

/**
 * Starts an HTTP server. It listens before anything else starts, so that a port in use is reported at once.
 *
 * @param onError called with each error, and with the id of the request that it ended, if any
 * @throws ConfigurationError when the server cannot listen on the address
 */
export async function startHttp(
  host: string,
  port: number,
  onError: (error: unknown, requestId?: string) => void,
) {
  let handler = answerStarting
  const shouldUpgradeCallback = (request: IncomingMessage): boolean =>
    isWebSocket(request) && server.listenerCount('upgrade') > 0
  const underWay = new Set<ServerResponse>()
  let isStopping = false
  const server: Server = createServer({ ...timeouts, shouldUpgradeCallback }, (request, response) => {
    underWay.add(response)
    response.once('close', () => {
      underWay.delete(response)
      // A response whose headers were sent before the stop keeps its connection open.
      if (isStopping) setImmediate(() => server.closeIdleConnections())
    })
    if (isStopping) response.shouldKeepAlive = false
    const target = targetOf(request)
    if (!target) return answerText(response, 400, 'The URL or the Host header of the request is not valid.')
    request.url = target.pathname + target.search
    handler(request, response, target).catch((error: unknown) => {
      const requestId = response.getHeader('x-request-id')
      onError(error, typeof requestId === 'string' ? requestId : undefined)
      answerFault(response, error)
    })
  })
  await listen(server, host, port)
  server.on('error', (error) => onError(error))
  return {
    server,
    url: urlOf(server),
    /** Sets the handler. Before the first call, every request is answered with 503 and Retry-After. */
    serve: (next: Handler) => {
      handler = next
    },
    /**
     * Takes no new connections, and resolves when the requests under way have been answered. Requests that take longer than
     * the given time are cut off.
     *
     * @param waitMilliseconds how long to wait for answers; streams and downloads may never end
     */
    stop: (waitMilliseconds = 1_000): Promise<void> =>
      new Promise((resolve) => {
        isStopping = true
        const cutOff = setTimeout(() => server.closeAllConnections(), waitMilliseconds)
        server.close(() => {
          clearTimeout(cutOff)
          resolve()
        })
        for (const response of underWay) response.shouldKeepAlive = false
        server.closeIdleConnections()
      }),
  }
}

function answerFault(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
  } else if (isOutage(error)) {
    response.setHeader('Retry-After', '1')
    answerText(response, 503, `${describeOutage(error)} Try again in a second.`)
  } else {
    answerText(response, 500, 'The request failed because of an internal error.')
  }
}

/** A client that offers HTTP/2 (`Upgrade: h2c`, as Java's and `curl --http2` do) is answered over HTTP/1.1. */
function isWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket'
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await once(server.listen(port, host), 'listening')
  } catch (cause) {
    // A cast, because the errors of a server are Node's own.
    const error = cause as NodeJS.ErrnoException
    const reason =
      error.code === 'EADDRINUSE'
        ? `Port ${port} on ${host} is in use. Stop the process that uses it, or choose another port: PORT=${port + 1} npm start`
        : `Cannot listen on ${host}, port ${port}: ${error.message}. Change HOST or PORT.`
    throw new ConfigurationError(reason, { cause })
  }
}

/** True for a host with an optional port; delimiters of a URL are not valid in it. */
function isHost(host: string): boolean {
  return URL.canParse(`http://${host}`) && !/[/?#@\\]/.test(host)
}

/** The requested URL; null when it is not valid. A client of a proxy sends an absolute URL instead of a path. */
function targetOf({ url = '', headers: { host } }: IncomingMessage): URL | null {
  const address = url.startsWith('/') ? `http://gateway${url}` : url
  return URL.canParse(address) && (host === undefined || isHost(host)) ? new URL(address) : null
}

function urlOf(server: Server): string {
  // A cast, because a server that listens on TCP has an address of this form.
  const { address, port, family } = server.address() as AddressInfo
  // A server that listens on every address is reached locally through the loopback address.
  if (isWildcardHost(address)) return `http://${family === 'IPv6' ? '[::1]' : '127.0.0.1'}:${port}`
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
