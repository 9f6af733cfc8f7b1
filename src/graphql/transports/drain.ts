import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocketServer } from 'ws'
import { closeSocket } from './close-socket.ts'

const waves = 20
const waveMilliseconds = 30

/** From the start of a drain. A client that has not closed its connection by then is cut off. */
const closeMilliseconds = 700

/** How often streams that began after their drain are looked for. */
const sweepMilliseconds = 50

/** A client waits this long before it connects again; without it, EventSource waits for a time of the browser's choice. */
const goodbye = ': The gateway is restarting. Connect again with the last cursor.\nretry: 500\n\n'

/**
 * Closes the open sockets with a code that makes clients connect again. It closes them in waves, so that not all clients
 * connect to the next gateway at the same time. Sockets of clients that do not respond are terminated.
 */
export async function closeSockets({ clients }: Pick<WebSocketServer, 'clients'>): Promise<void> {
  const open = [...clients]
  const limit = delay(closeMilliseconds, undefined, { ref: false })
  await inWaves(open, (socket) =>
    closeSocket(socket, 'restarting', 'The gateway is restarting. Connect again.'),
  )
  const closed = open
    .filter(({ readyState, CLOSED }) => readyState !== CLOSED)
    .map((socket) => new Promise((resolve) => socket.once('close', resolve)))
  await Promise.race([Promise.all(closed), limit])
  for (const socket of open) socket.terminate()
}

/** Accepts no new sockets and closes the open ones. */
export async function drainSockets(sockets: WebSocketServer): Promise<void> {
  const closed = new Promise((resolve) => sockets.close(resolve))
  await closeSockets(sockets)
  await closed
}

export type EventStreams = ReturnType<typeof createEventStreams>

/** Keeps the responses that are or may become event streams, and ends the streams when the gateway stops. */
export function createEventStreams() {
  const open = new Set<ServerResponse>()
  const isStream = (response: ServerResponse): boolean =>
    String(response.getHeader('content-type')).startsWith('text/event-stream')
  const end = (): Promise<void> => inWaves([...open].filter(isStream), endStream)
  return {
    watch: (response: ServerResponse): void => {
      open.add(response)
      response.once('close', () => open.delete(response))
    },
    /** Ends the streams that are open now, in waves. Their clients connect again, because they get no `complete`. */
    end,
    /** Ends the streams that are open now and those that still begin, until no response is left. */
    endAll: async (): Promise<void> => {
      while (open.size > 0) {
        await end()
        await delay(sweepMilliseconds)
      }
    },
  }
}

/** The stream ends between two events, unless its client does not read. */
function endStream(response: ServerResponse): void {
  if (response.writableEnded) return
  // What the subscription still sends is lost, but the client has no cursor of it.
  response.on('error', () => {})
  if (response.writableNeedDrain) return void response.destroy()
  const cutOff = setTimeout(() => response.destroy(), closeMilliseconds)
  response.once('close', () => clearTimeout(cutOff))
  response.end(goodbye)
}

async function inWaves<Item>(items: readonly Item[], close: (item: Item) => void): Promise<void> {
  const size = Math.ceil(items.length / waves)
  // A few connections need no pauses.
  const pause = items.length > waves ? waveMilliseconds : 0
  for (let start = 0; start < items.length; start += size) {
    if (start > 0) await delay(pause)
    for (const item of items.slice(start, start + size)) close(item)
  }
}
