import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocketServer } from 'ws'
import { closeSocket } from './close-socket.ts'

const waves = 20
const waveMilliseconds = 50
const closeMilliseconds = 1_000

/**
 * Accepts no new sockets and closes the open ones with a code that makes clients connect again. It closes them in waves, so
 * that not all clients connect to the next gateway at the same time. Sockets of clients that do not respond are terminated
 * a second later.
 */
export async function drainSockets(sockets: WebSocketServer): Promise<void> {
  const closed = new Promise((resolve) => sockets.close(resolve))
  const open = [...sockets.clients]
  const size = Math.ceil(open.length / waves)
  // A few sockets need no pauses.
  const pause = open.length > waves ? waveMilliseconds : 0
  for (let start = 0; start < open.length; start += size) {
    if (start > 0) await delay(pause)
    for (const socket of open.slice(start, start + size)) {
      closeSocket(socket, 'restarting', 'The gateway is restarting. Connect again.')
    }
  }
  const timer = setTimeout(() => {
    for (const socket of sockets.clients) socket.terminate()
  }, closeMilliseconds)
  await closed
  clearTimeout(timer)
}
