import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isWildcardHost } from './config.ts'
import { ConfigurationError } from './errors.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

export type HttpServer = {
  server: Server
  /** Where it listens: `http://HOST:PORT`. */
  url: string
  /** What answers from now on; before, every request is told to come back later. */
  serve(handler: Handler): void
  /** Takes no new connections, and ends when those that are open have ended. */
  stop(): Promise<void>
}

export const answerText = (response: ServerResponse, status: number, sentence: string): void => {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' })
  response.end(`${sentence}\n`)
}

const isStarting: Handler = async (_request, response) => {
  response.setHeader('Retry-After', '1')
  answerText(response, 503, 'The gateway is starting. Try again in a second.')
}

/** A client that offers HTTP/2 (`Upgrade: h2c`, as Java's and `curl --http2` do) is answered over HTTP/1.1. */
const isWebSocket = (request: IncomingMessage): boolean =>
  request.headers.upgrade?.toLowerCase() === 'websocket'

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `Port ${port} on ${host} is taken. End what uses it, or choose another one: PORT=${port + 1} npm start`
          : `Cannot listen on ${host}, port ${port}: ${error.message}. HOST and PORT say where.`
      reject(new ConfigurationError(reason, { cause: error }))
    }
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })

// What has a meaning of its own in an address, but none in a name.
const isHost = (host: string): boolean => URL.canParse(`http://${host}`) && !/[/?#@\\]/.test(host)

/** What is asked for; null when that cannot be read. A client of a proxy sends a whole address instead of a path. */
const targetOf = ({ url = '', headers: { host } }: IncomingMessage): URL | null => {
  const address = url.startsWith('/') ? `http://gateway${url}` : url
  return URL.canParse(address) && (host === undefined || isHost(host)) ? new URL(address) : null
}

const urlOf = (server: Server): string => {
  // A server that listens on TCP has an address of this form.
  const { address, port, family } = server.address() as AddressInfo
  // Listening everywhere, it is reached from here by the loopback address.
  if (isWildcardHost(address)) return `http://${family === 'IPv6' ? '[::1]' : '127.0.0.1'}:${port}`
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/**
 * Listens before anything else is started, so that a port that is taken is found at once.
 *
 * @throws ConfigurationError when the address cannot be had
 */
export const startHttp = async (
  host: string,
  port: number,
  onError: (error: unknown) => void,
): Promise<HttpServer> => {
  let handler = isStarting
  const shouldUpgradeCallback = (request: IncomingMessage): boolean =>
    isWebSocket(request) && server.listenerCount('upgrade') > 0
  const server: Server = createServer({ shouldUpgradeCallback }, (request, response) => {
    const target = targetOf(request)
    if (!target) return answerText(response, 400, 'The address of the request is not well formed.')
    request.url = target.pathname + target.search
    handler(request, response, target).catch((error: unknown) => {
      onError(error)
      if (response.headersSent) response.destroy()
      else answerText(response, 500, 'Something went wrong inside the gateway.')
    })
  })
  await listen(server, host, port)
  server.on('error', onError)
  return {
    server,
    url: urlOf(server),
    serve: (next) => {
      handler = next
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        // Streams over SSE and downloads may last for ever: they get a moment, then they are cut.
        setTimeout(() => server.closeAllConnections(), 1_000).unref()
      }),
  }
}
