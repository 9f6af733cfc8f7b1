import type { IncomingMessage, ServerResponse } from 'node:http'

/** How long a client may go on sending a body after its request was answered. */
const drainMilliseconds = 5_000

/**
 * Discards what a client still sends when its request has been answered, as after 413, so that the connection can be used
 * again. Node discards a body only when nothing has read a part of it. A connection that closes after the response stays
 * open for the rest of the body, because a close with unread bytes resets it, and the reset can overtake the response.
 */
export function drainBody(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  // Before Node's own listener, which closes the connection.
  response.prependOnceListener('finish', () => {
    if (request.complete || socket.destroyed) return
    const { push } = request
    const { destroySoon } = socket
    let isLast = false
    socket.destroySoon = () => {
      isLast = true
      socket.end()
    }
    const cutOff = setTimeout(() => socket.destroy(), drainMilliseconds)
    const cancel = (): void => clearTimeout(cutOff)
    socket.once('close', cancel)
    // The parser stops reading from the connection when a body takes no more, as one that is paused or destroyed.
    request.push = (chunk) => {
      if (chunk !== null) return true
      cancel()
      socket.off('close', cancel)
      request.push = push
      socket.destroySoon = destroySoon
      if (isLast) socket.destroySoon()
      return request.push(null)
    }
    // A stream that limits a body takes the connection from the request when it destroys it.
    request.socket = socket
    request._read(0)
  })
}
