import type { IncomingMessage } from 'node:http'
import type { Server as Protocol } from 'graphql-ws'
import type { Logger } from 'pino'
import type { WebSocket } from 'ws'
import { isOutage } from '../../postgres/outage.ts'
import { inRequest, requestIdOf } from '../../request-context.ts'
import type { Sink } from '../../runs/follow/delivery.ts'
import { withoutSecrets } from '../../secrets.ts'
import type { Viewer } from '../../tenant.ts'
import { createBrake } from './brake.ts'
import { type ClientMessage, readMessage } from './client-message.ts'
import { closeReason, closeSocket } from './close-socket.ts'
import { sendUnlessSlow } from './connection-limits.ts'
import { createMessageQueue } from './message-queue.ts'
import { createOperationIds } from './operation-ids.ts'
import { socketSink } from './sinks.ts'

/** The data that the protocol keeps for a socket. */
export type SocketExtra = {
  socket: WebSocket
  /** The header of the upgrade request. The request itself is not kept: it is 2 KiB. */
  authorization: string | undefined
  gone: AbortSignal
  /** Where a subscription sends its messages. */
  sinkOf: (operationId: string) => Sink
  /** Called when the stream of a subscription is open. */
  started: (operationId: string) => void
  /** Undefined until the client has sent `connection_init`. */
  viewer?: Viewer | null
}

export type ServeSocketOptions = {
  protocol: Protocol<SocketExtra>
  logger: Logger
  mask: (error: unknown) => Error
  slowReaderSeconds: number
}

/** Reasons of graphql-ws that do not say what to do. */
const reasons: ReadonlyMap<string, string> = new Map([
  ['Unauthorized', 'Send connection_init, and wait for connection_ack before the first operation.'],
])

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
  const brake = createBrake(socket)
  const sends = sendUnlessSlow(socket, brake, slowReaderSeconds)
  const gone = new AbortController()
  /** By operation ID: ends the wait of the queue, which does not wait for the end of a subscription. */
  const settingUp = new Map<string, () => void>()
  const ids = createOperationIds()
  let hasAnswered = true
  socket.on('pong', () => {
    hasAnswered = true
  })
  const heartbeat = setInterval(() => {
    // The answer of a client that does not read, or whose messages wait, cannot arrive. Both are limited in time: by the
    // sender and by the limits of operations.
    if (!hasAnswered && !sends.isPending() && !socket.isPaused) return socket.terminate()
    hasAnswered = false
    socket.ping()
  }, pingMilliseconds)

  const handle = async (
    { text, operationId }: ClientMessage,
    release: () => void,
    handleMessage: (text: string) => Promise<void>,
  ): Promise<void> => {
    if (operationId !== null) settingUp.set(operationId, release)
    try {
      await inRequest({ requestId }, () => handleMessage(text))
    } catch (error) {
      // Clients do not connect again after the code for an internal error.
      closeSocket(socket, isOutage(error) ? 'tryAgainLater' : 'internalError', mask(error).message)
    } finally {
      if (operationId !== null) settingUp.delete(operationId)
    }
  }

  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // If the socket fails in the meantime, 'close' is emitted.
      send: sends.send,
      // A reason can quote the ID that a client has chosen.
      close: (code, reason = '') =>
        socket.close(code, closeReason(reasons.get(reason) ?? withoutSecrets(reason))),
      onMessage: (handleMessage) => {
        const queue = createMessageQueue(socket, brake, {
          read: async (text) => {
            const message = readMessage(text)
            if (message) await ids.whenFree(message)
            return message
          },
          handle: async (message, release) => {
            if (!message)
              return closeSocket(socket, 'badMessage', 'A client does not send messages of this type.')
            const handled = handle(message, release, handleMessage)
            ids.note(message, handled)
            await handled
          },
        })
        socket.on('message', (data) => queue.add(String(data)))
      },
    },
    {
      socket,
      authorization: request.headers.authorization,
      gone: gone.signal,
      sinkOf: (id) => socketSink(sends, id),
      started: (id) => settingUp.get(id)?.(),
    },
  )
  socket.once('close', (code, reason) => {
    clearInterval(heartbeat)
    gone.abort()
    closed(code, String(reason)).catch((error: unknown) => {
      logger.warn({ err: error }, 'The subscriptions of a WebSocket could not be ended.')
    })
  })
}
