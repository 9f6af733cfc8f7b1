import { once } from 'node:events'
import { GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws'
import { onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'

export type Message = { type: string; id?: string; payload?: unknown }

export type Wire = {
  socket: WebSocket
  send(message: Message): void
  /** Returns the next message, in order. Fails when none arrives within 30 seconds. */
  receive(): Promise<Message>
  /** Resolves when the socket is closed. */
  closed: Promise<{ code: number; reason: string }>
}

/**
 * Opens a WebSocket without a client library, to test the exact messages.
 *
 * @param headers of the upgrade request
 */
export async function openWire(
  url: string,
  protocols = [GRAPHQL_TRANSPORT_WS_PROTOCOL],
  headers: Record<string, string> = {},
): Promise<Wire> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocols, { headers })
  onTestFinished(() => socket.terminate())
  const messages: Message[] = []
  socket.on('message', (data) => messages.push(JSON.parse(String(data))))
  const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }))
  await once(socket, 'open')
  return {
    socket,
    send: (message) => socket.send(JSON.stringify(message)),
    receive: () =>
      vi.waitFor(
        () => {
          const message = messages.shift()
          if (!message) throw new Error('No message has arrived.')
          return message
        },
        { timeout: 30_000, interval: 5 },
      ),
    closed,
  }
}
