import type { ServerResponse } from 'node:http'
import type { WebSocket } from 'ws'
import type { Brake } from './brake.ts'
import { closeSocket } from './close-socket.ts'

const checkMilliseconds = 1_000

// The number of unsent bytes from which the socket stops reading, for a client that sends without reading the responses.
const maxBufferedBytes = 1024 * 1024

// The time that a client has to read the close frame.
const closeMilliseconds = 5_000

/**
 * Counts a connection or subscription of an API key to this process and returns the function that releases it; null when
 * the key has reached its limit.
 */
export type ConnectionCount = (apiKeyId: string | null) => (() => void) | null

/**
 * Cuts off an event stream when its client has not read for `seconds`. No event is lost: the stream ends without
 * `complete`, so the client connects again with its last cursor.
 */
export function cutSlowStream(response: ServerResponse, seconds: number): void {
  let stuckSince: number | null = null
  const timer = setInterval(() => {
    const isStream = String(response.getHeader('content-type')).startsWith('text/event-stream')
    // Other responses, such as downloads, can be read at any speed.
    if (!isStream || !response.writableNeedDrain) {
      stuckSince = null
      return
    }
    stuckSince ??= performance.now()
    if (performance.now() - stuckSince >= seconds * 1000) response.destroy()
  }, checkMilliseconds)
  response.on('drain', () => {
    stuckSince = null
  })
  response.once('close', () => clearInterval(timer))
}

/**
 * Creates a sender for a socket that lets each subscription wait until its message is sent. It closes the socket when the
 * client has read nothing for `seconds`. Reading from the socket pauses while too much is unsent, so that responses do not
 * accumulate.
 */
export function sendUnlessSlow(socket: WebSocket, brake: Brake, seconds: number) {
  let pending = 0
  let lastMoved = performance.now()
  const { promise: closed, resolve: markClosed } = Promise.withResolvers<void>()
  socket.once('close', () => markClosed())
  const timer = setInterval(() => {
    if (pending === 0 || performance.now() - lastMoved < seconds * 1000) return
    clearInterval(timer)
    brake.release()
    closeSocket(
      socket,
      'slowReader',
      'The client does not read its messages. Connect again with the last cursor.',
    )
    const end = setTimeout(() => socket.terminate(), closeMilliseconds)
    socket.once('close', () => clearTimeout(end))
  }, checkMilliseconds)
  socket.once('close', () => clearInterval(timer))
  let isHeld = false
  const hold = (isOn: boolean): void => {
    if (isHeld !== isOn) brake.set('responsesUnsent', isOn)
    isHeld = isOn
  }
  const push = (data: string, onSent: () => void): void => {
    if (socket.readyState !== socket.OPEN) return void closed.then(onSent)
    if (pending === 0) lastMoved = performance.now()
    pending++
    socket.send(data, () => {
      pending--
      lastMoved = performance.now()
      if (isHeld) hold(socket.bufferedAmount >= maxBufferedBytes)
      onSent()
    })
    if (socket.bufferedAmount >= maxBufferedBytes) hold(true)
  }
  return {
    /** True while messages to the client are unsent. */
    isPending: () => pending > 0,
    /**
     * Sends a message, and calls `onSent` when the message has left the process or the socket has closed. While the socket
     * is closing, nothing is sent and the call waits for the close, so that nothing more is produced.
     */
    push,
    /** The same as a promise. */
    send: (data: string): Promise<void> => new Promise((resolve) => push(data, resolve)),
  }
}

/**
 * Counts the connections, or the subscriptions, of each key.
 *
 * @param limit the maximum number per key; those without a key count as those of one key
 */
export function createConnectionCount(limit: number): ConnectionCount {
  const open = new Map<string | null, number>()
  return (apiKeyId) => {
    const count = open.get(apiKeyId) ?? 0
    if (count >= limit) return null
    open.set(apiKeyId, count + 1)
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      const rest = (open.get(apiKeyId) ?? 1) - 1
      if (rest > 0) open.set(apiKeyId, rest)
      else open.delete(apiKeyId)
    }
  }
}
