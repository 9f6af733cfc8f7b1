import type { IncomingMessage } from 'node:http'
import { CloseCode, type Server as Protocol } from 'graphql-ws'
import type { Logger } from 'pino'
import type { WebSocket } from 'ws'
import type { Viewer } from '../auth/viewer.ts'

/** What the protocol knows of a socket. */
export type SocketExtra = {
  socket: WebSocket
  request: IncomingMessage
  /** Absent until the client has said who it is. */
  viewer?: Viewer | null
}

export type ServeSocketOptions = {
  protocol: Protocol<SocketExtra>
  log: Logger
  /** What a client may see of a fault. */
  mask: (error: unknown) => Error
}

/** A client that does not answer a ping before the next one is gone. */
const pingMilliseconds = 12_000

/** A close frame has room for 123 bytes of reason. */
export const closeReason = (text: string): string =>
  Buffer.byteLength(text) <= 123
    ? text
    : `${Buffer.from(text)
        .subarray(0, 119)
        .toString()
        .replace(/\uFFFD$/, '')}…`

/**
 * Serves one socket until it closes.
 *
 * The package has a binding of its own, but that one writes faults to the console, past the log, and sends their
 * messages to the client.
 */
export const serveSocket = (
  socket: WebSocket,
  request: IncomingMessage,
  { protocol, log, mask }: ServeSocketOptions,
): void => {
  // Too long a message, say: the socket closes by itself, with the code for that.
  socket.on('error', (error) => log.debug({ err: error }, 'A WebSocket broke.'))

  let hasAnswered = true
  socket.on('pong', () => {
    hasAnswered = true
  })
  const heartbeat = setInterval(() => {
    if (!hasAnswered) return socket.terminate()
    hasAnswered = false
    socket.ping()
  }, pingMilliseconds)

  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // Resolves when the message has left the process, so that a slow reader holds up its own subscriptions alone. Of a
      // socket that breaks meanwhile, 'close' tells.
      send: (data) =>
        new Promise((resolve) => {
          if (socket.readyState === socket.OPEN) socket.send(data, () => resolve())
          else resolve()
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (handle) =>
        socket.on('message', (data) => {
          handle(String(data)).catch((error: unknown) => {
            socket.close(CloseCode.InternalServerError, closeReason(mask(error).message))
          })
        }),
    },
    { socket, request },
  )
  socket.once('close', (code, reason) => {
    clearInterval(heartbeat)
    closed(code, String(reason)).catch((error: unknown) => {
      log.warn({ err: error }, 'The subscriptions of a WebSocket could not be ended.')
    })
  })
}
