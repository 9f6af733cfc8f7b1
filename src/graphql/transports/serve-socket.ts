import type { IncomingMessage } from 'node:http'
import type { Server as Protocol } from 'graphql-ws'
import type { Logger } from 'pino'
import type { WebSocket } from 'ws'
import { isOutage } from '../../postgres/outage.ts'
import { inRequest, requestIdOf } from '../../request-context.ts'
import { withoutSecrets } from '../../secrets.ts'
import type { Viewer } from '../../tenant.ts'
import { closeReason, closeSocket } from './close-socket.ts'
import { sendUnlessSlow } from './connection-limits.ts'

/** The data that the protocol keeps for a socket. */
export type SocketExtra = {
  socket: WebSocket
  request: IncomingMessage
  gone: AbortSignal
  /** Undefined until the client has sent `connection_init`. */
  viewer?: Viewer | null
}

export type ServeSocketOptions = {
  protocol: Protocol<SocketExtra>
  logger: Logger
  mask: (error: unknown) => Error
  slowReaderSeconds: number
}

/** The interval of pings. A client that has not answered a ping by the next one is disconnected. */
const pingMilliseconds = 12_000

/**
 * Serves one socket until it closes.
 *
 * It replaces the binding of graphql-ws, which writes internal errors to the console instead of the logger and sends their
 * messages to the client.
 */
export function serveSocket(
  socket: WebSocket,
  request: IncomingMessage,
  { protocol, logger, mask, slowReaderSeconds }: ServeSocketOptions,
): void {
  // For example, a message that is too long. The socket closes by itself with the right code.
  socket.on('error', (error) => logger.debug({ err: error }, 'A WebSocket failed.'))

  const requestId = requestIdOf(request.headers['x-request-id'])
  const sends = sendUnlessSlow(socket, slowReaderSeconds)
  const gone = new AbortController()
  let hasAnswered = true
  socket.on('pong', () => {
    hasAnswered = true
  })
  const heartbeat = setInterval(() => {
    // A client that does not read cannot answer pings. The sender limits how long that may last.
    if (!hasAnswered && !sends.isPending()) return socket.terminate()
    hasAnswered = false
    socket.ping()
  }, pingMilliseconds)

  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // If the socket fails in the meantime, 'close' is emitted.
      send: sends.send,
      // A reason can quote the ID that a client has chosen.
      close: (code, reason = '') => socket.close(code, closeReason(withoutSecrets(reason))),
      onMessage: (handle) =>
        socket.on('message', (data) => {
          inRequest({ requestId }, () => handle(String(data))).catch((error: unknown) => {
            // Clients do not connect again after the code for an internal error.
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
