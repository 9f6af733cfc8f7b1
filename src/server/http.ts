import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, Server as Listener } from 'node:net'
import { isWildcardHost } from '../config/config.ts'
import type { HttpStatus } from '../error-codes.ts'
import { ConfigurationError, codeOf } from '../errors.ts'
import { describeOutage, isOutage } from '../postgres/outage.ts'
import { withoutSecrets } from '../secrets.ts'
import { drainBody } from './drain-body.ts'
import { takeTarget } from './request-target.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

/** Decides whether the handshake of a WebSocket gets one. The handler answers any other, so that each refusal has a sentence. */
export type UpgradeRule = (request: IncomingMessage, url: URL) => boolean

export type HttpServer = Awaited<ReturnType<typeof startHttp>>

export function answerText(
  response: ServerResponse,
  status: HttpStatus<'any'> | HttpStatus<'/graphql'>,
  sentence: string,
): void {
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

/** How long a stop waits for a moment in which no client connects. */
const quietMilliseconds = 500

/** The part of a turn of the event loop that counts as a moment. An idle turn takes a fifth of it. */
const momentMilliseconds = 0.05

/**
 * Starts an HTTP server. It listens before anything else starts, so that a port in use is reported at once.
 *
 * @param onError called with each error, and with the id of the request that it ended, if any
 * @param keepAliveSeconds how long a connection without a request stays open
 * @throws ConfigurationError when the server cannot listen on the address
 */
export async function startHttp(
  host: string,
  port: number,
  onError: (error: unknown, requestId?: string) => void,
  keepAliveSeconds = 75,
) {
  let handler = answerStarting
  let isUpgraded: UpgradeRule = () => false
  const shouldUpgradeCallback = (request: IncomingMessage): boolean => {
    const target = isWebSocket(request) ? takeTarget(request) : null
    return target !== null && server.listenerCount('upgrade') > 0 && isUpgraded(request, target)
  }
  const underWay = new Set<ServerResponse>()
  let isLeaving = false
  const options = { ...timeouts, keepAliveTimeout: keepAliveSeconds * 1000, shouldUpgradeCallback }
  const server: Server = createServer(options, (request, response) => {
    underWay.add(response)
    response.once('close', () => {
      underWay.delete(response)
      // A response whose headers were sent before the stop keeps its connection open.
      if (!server.listening) setImmediate(() => server.closeIdleConnections())
    })
    if (isLeaving) response.shouldKeepAlive = false
    drainBody(request, response)
    const target = takeTarget(request)
    if (!target) return answerText(response, 400, 'The URL or the Host header of the request is not valid.')
    handler(request, response, target).catch((error: unknown) => {
      const requestId = response.getHeader('x-request-id')
      onError(error, typeof requestId === 'string' ? requestId : undefined)
      answerFault(response, error)
    })
  })
  await listen(server, host, port)
  server.on('error', (error) => onError(error))
  const leave = (): void => {
    isLeaving = true
    for (const response of underWay) response.shouldKeepAlive = false
  }
  const refuse = async (): Promise<void> => {
    leave()
    if (!server.listening) return
    await closeInQuietMoment(server)
  }
  return {
    server,
    url: urlOf(server),
    /** Sets the handler. Before the first call, every request is answered with 503 and Retry-After. */
    serve: (next: Handler) => {
      handler = next
    },
    /** Sets the rule for handshakes. Before the first call, the handler answers them all. */
    upgradeIf: (rule: UpgradeRule) => {
      isUpgraded = rule
    },
    /** From now on, closes each connection after its response, so that clients and proxies connect elsewhere. */
    leave,
    /** Takes no new connections, and closes those without a request. Resolves when the port is free. */
    refuse,
    /**
     * Resolves when the requests under way have been answered. Requests that take longer than the given time are cut off.
     * Takes no new connections.
     *
     * @param waitMilliseconds how long to wait for answers; downloads may never end
     */
    stop: async (waitMilliseconds = 1_000): Promise<void> => {
      await refuse()
      const cutOff = setTimeout(() => server.closeAllConnections(), waitMilliseconds)
      // The server may be closed already.
      await new Promise((resolve) => server.close(resolve))
      clearTimeout(cutOff)
    },
  }
}

/**
 * Closes a server, with its connections without a request, in a turn of the event loop that has found no new connection: the
 * system resets the connections that wait for a listener when it closes, with the requests that their clients have already
 * sent. The turn is short, so that hardly any can arrive after its look for connections.
 */
function closeInQuietMoment(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let hasConnected = true
  const note = (): void => {
    hasConnected = true
  }
  server.on('connection', note)
  const limit = performance.now() + quietMilliseconds
  let turnedAt = performance.now()
  const turn = (): void => {
    const now = performance.now()
    if (now < limit && (hasConnected || now - turnedAt > momentMilliseconds)) {
      hasConnected = false
      turnedAt = performance.now()
      setImmediate(turn)
      return
    }
    server.off('connection', note)
    // In this turn, not after a promise, and before the search for connections without a request.
    Listener.prototype.close.call(server)
    server.close()
    resolve()
  }
  turn()
  return promise
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
    const message = cause instanceof Error ? cause.message : String(cause)
    const reason =
      codeOf(cause) === 'EADDRINUSE'
        ? `Port ${port} on ${host} is in use. Stop the process that uses it, or choose another port: PORT=${port + 1} npm start`
        : `Cannot listen on ${host}, port ${port}: ${message}. Change HOST or PORT.`
    throw new ConfigurationError(reason, { cause })
  }
}

function urlOf(server: Server): string {
  // A cast, because a server that listens on TCP has an address of this form.
  const { address, port, family } = server.address() as AddressInfo
  // A server that listens on every address is reached locally through the loopback address.
  if (isWildcardHost(address)) return `http://${family === 'IPv6' ? '[::1]' : '127.0.0.1'}:${port}`
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
