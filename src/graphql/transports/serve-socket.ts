import type { IncomingMessage } from 'node:http'
import type { Server as Protocol } from 'graphql-ws'
import type { Logger } from 'pino'
import type { WebSocket } from 'ws'
import { isOutage } from '../../postgres/outage.ts'
import { inRequest, requestIdOf } from '../../request-context.ts'
import type { Viewer } from '../../tenant.ts'
import { closeSocket } from './close-socket.ts'
import { sendUnlessSlow } from './connection-limits.ts'

/** What the protocol knows of a socket. */
export type SocketExtra = {
  socket: WebSocket
  request: IncomingMessage
  gone: AbortSignal
  /** Absent until the client has said who it is. */
  viewer?: Viewer | null
}

export type ServeSocketOptions = {
  protocol: Protocol<SocketExtra>
  logger: Logger
  mask: (error: unknown) => Error
  slowReaderSeconds: number
}

/** A client that does not answer a ping before the next one is gone. */
const pingMilliseconds = 12_000

/**
 * Serves one socket until it closes.
 *
 * The package has a binding of its own, but that one writes faults to the console, past the log, and sends their
 * messages to the client.
 */
export function serveSocket(
  socket: WebSocket,
  request: IncomingMessage,
  { protocol, logger, mask, slowReaderSeconds }: ServeSocketOptions,
): void {
  // Too long a message, say: the socket closes by itself, with the code for that.
  socket.on('error', (error) => logger.debug({ err: error }, 'A WebSocket broke.'))

  const requestId = requestIdOf(request.headers['x-request-id'])
  const sends = sendUnlessSlow(socket, slowReaderSeconds)
  const gone = new AbortController()
  let hasAnswered = true
  socket.on('pong', () => {
    hasAnswered = true
  })
  const heartbeat = setInterval(() => {
    // One that does not read cannot answer either; how long that may last is another matter.
    if (!hasAnswered && !sends.isPending()) return socket.terminate()
    hasAnswered = false
    socket.ping()
  }, pingMilliseconds)

  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // Of a socket that breaks meanwhile, 'close' tells.
      send: sends.send,
      close: (code, reason) => socket.close(code, reason),
      onMessage: (handle) =>
        socket.on('message', (data) => {
          inRequest({ requestId }, () => handle(String(data))).catch((error: unknown) => {
            // Clients take the code for a fault as final.
            closeSocket(socket, isOutage(error) ? 'tryAgainLater' : 'internalError', mask(error).message)
          })
        }),
    },
    { socket, request, gone: gone.signal },
  )
  socket.once('close', (code, reason) => {
    clearInterval(heartbeat)
    gone.abort()
    closed(code, String(reason)).catch((error: unknown) => {
      logger.warn({ err: error }, 'The subscriptions of a WebSocket could not be ended.')
    })
  })
}
