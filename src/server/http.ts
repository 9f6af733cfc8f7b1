import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isWildcardHost } from '../config/config.ts'
import type { HttpStatus } from '../error-codes.ts'
import { ConfigurationError } from '../errors.ts'
import { isOutage } from '../postgres/outage.ts'
import { withoutSecrets } from '../secrets.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

export type HttpServer = Awaited<ReturnType<typeof startHttp>>

export function answerText(response: ServerResponse, status: HttpStatus<'any'>, sentence: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' })
  response.end(`${withoutSecrets(sentence)}\n`)
}

/** What is answered as long as nothing can be served. */
export const answerStarting: Handler = async (_request, response) => {
  response.setHeader('Retry-After', '1')
  answerText(response, 503, 'The gateway is starting. Try again in a second.')
}

/** Node waits for minutes, and looks twice a minute. */
const patience = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 2_000,
}

/**
 * Listens before anything else is started, so that a port that is taken is found at once.
 *
 * @param onError told of faults, and of the request's id when they ended one that has an id
 * @throws ConfigurationError when the address cannot be had
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
  const server: Server = createServer({ ...patience, shouldUpgradeCallback }, (request, response) => {
    underWay.add(response)
    response.once('close', () => {
      underWay.delete(response)
      // One whose headers were sent before the stop has promised to keep its connection open.
      if (isStopping) setImmediate(() => server.closeIdleConnections())
    })
    if (isStopping) response.shouldKeepAlive = false
    const target = targetOf(request)
    if (!target) return answerText(response, 400, 'The address of the request is not well formed.')
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
    /** What answers from now on; before, every request is told to come back later. */
    serve: (next: Handler) => {
      handler = next
    },
    /**
     * Takes no new connections, and ends when the requests under way have been answered; what is not answered by then is
     * cut off.
     *
     * @param patienceMilliseconds how long to wait for answers; streams and downloads may last for ever
     */
    stop: (patienceMilliseconds = 1_000): Promise<void> =>
      new Promise((resolve) => {
        isStopping = true
        const cutOff = setTimeout(() => server.closeAllConnections(), patienceMilliseconds)
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
    answerText(response, 503, 'The database cannot be reached at the moment. Try again in a second.')
  } else {
    answerText(response, 500, 'Something went wrong inside the gateway.')
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
    // What a server emits as an error is one of Node's.
    const error = cause as NodeJS.ErrnoException
    const reason =
      error.code === 'EADDRINUSE'
        ? `Port ${port} on ${host} is taken. End what uses it, or choose another one: PORT=${port + 1} npm start`
        : `Cannot listen on ${host}, port ${port}: ${error.message}. HOST and PORT say where.`
    throw new ConfigurationError(reason, { cause })
  }
}

// What has a meaning of its own in an address, but none in a name.
function isHost(host: string): boolean {
  return URL.canParse(`http://${host}`) && !/[/?#@\\]/.test(host)
}

/** What is asked for; null when that cannot be read. A client of a proxy sends a whole address instead of a path. */
function targetOf({ url = '', headers: { host } }: IncomingMessage): URL | null {
  const address = url.startsWith('/') ? `http://gateway${url}` : url
  return URL.canParse(address) && (host === undefined || isHost(host)) ? new URL(address) : null
}

function urlOf(server: Server): string {
  // A server that listens on TCP has an address of this form.
  const { address, port, family } = server.address() as AddressInfo
  // Listening everywhere, it is reached from here by the loopback address.
  if (isWildcardHost(address)) return `http://${family === 'IPv6' ? '[::1]' : '127.0.0.1'}:${port}`
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
