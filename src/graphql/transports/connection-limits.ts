import type { ServerResponse } from 'node:http'
import type { WebSocket } from 'ws'
import { closeSocket } from './close-socket.ts'

const checkMilliseconds = 1_000

// What a client may have waiting that sends without reading its answers, in bytes; then it is not heard any more.
const maxWaitingBytes = 1024 * 1024

// What a client that begins to read again gets to see the code in.
const goodbyeMilliseconds = 5_000

/**
 * Counts one more connection that a key holds open on this process; null when it has as many as it may. The function
 * returned gives it back.
 */
export type ConnectionCount = (apiKeyId: string | null) => (() => void) | null

/**
 * Cuts an event stream whose client has not read for some time. What was produced meanwhile is not lost: the stream ends
 * without `complete`, by which a client knows that it has to come again with its cursor.
 */
export function cutSlowStream(response: ServerResponse, seconds: number): void {
  let stuckSince: number | null = null
  const timer = setInterval(() => {
    const isStream = String(response.getHeader('content-type')).startsWith('text/event-stream')
    // Anything else, a download say, may be read as slowly as one likes.
    if (!isStream || !response.writableNeedDrain) {
      stuckSince = null
      return
    }
    stuckSince ??= Date.now()
    if (Date.now() - stuckSince >= seconds * 1000) response.destroy()
  }, checkMilliseconds)
  response.on('drain', () => {
    stuckSince = null
  })
  response.once('close', () => clearInterval(timer))
}

/**
 * Sends to a socket, each subscription waiting for its own message to leave, and closes the socket when its client has
 * taken nothing for some time. One that goes on asking meanwhile is not heard, so that answers do not pile up.
 */
export function sendUnlessSlow(socket: WebSocket, seconds: number) {
  let pending = 0
  let lastMoved = Date.now()
  const { promise: closed, resolve: noteClosed } = Promise.withResolvers<void>()
  socket.once('close', () => noteClosed())
  const timer = setInterval(() => {
    if (pending === 0 || Date.now() - lastMoved < seconds * 1000) return
    clearInterval(timer)
    // Its answer to the good-bye has to be heard.
    socket.resume()
    closeSocket(socket, 'slowReader', 'Messages are not read. Connect again with your last cursor.')
    const end = setTimeout(() => socket.terminate(), goodbyeMilliseconds)
    socket.once('close', () => clearTimeout(end))
  }, checkMilliseconds)
  socket.once('close', () => clearInterval(timer))
  return {
    /** True while the client has not taken what it was sent. */
    isPending: () => pending > 0,
    /**
     * Sends a message; the promise resolves when it has left the process, or the socket has closed. While the socket is
     * closing nothing is sent, nor produced for it.
     */
    send: (data: string): Promise<void> => {
      if (socket.readyState !== socket.OPEN) return closed
      return new Promise((resolve) => {
        if (pending === 0) lastMoved = Date.now()
        pending++
        socket.send(data, () => {
          pending--
          lastMoved = Date.now()
          if (socket.isPaused && socket.bufferedAmount < maxWaitingBytes) socket.resume()
          resolve()
        })
        if (socket.bufferedAmount >= maxWaitingBytes) socket.pause()
      })
    },
  }
}

/** @param limit connections that one key may hold; those without a key count together as one */
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
