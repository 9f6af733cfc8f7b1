import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocketServer } from 'ws'
import { closeSocket } from './close-socket.ts'

const waves = 20
const waveMilliseconds = 50
const patienceMilliseconds = 1_000

/**
 * Takes no new sockets and closes those that are open with a code by which clients connect again, in waves, so that they
 * do not all come to the next gateway in the same moment. Those that do not answer are cut off a second later.
 */
export async function drainSockets(sockets: WebSocketServer): Promise<void> {
  const closed = new Promise((resolve) => sockets.close(resolve))
  const open = [...sockets.clients]
  const size = Math.ceil(open.length / waves)
  // Few sockets make no storm, and need no waves.
  const pause = open.length > waves ? waveMilliseconds : 0
  for (let start = 0; start < open.length; start += size) {
    if (start > 0) await delay(pause)
    for (const socket of open.slice(start, start + size)) {
      closeSocket(socket, 'restarting', 'The gateway is restarting. Connect again.')
    }
  }
  const timer = setTimeout(() => {
    for (const socket of sockets.clients) socket.terminate()
  }, patienceMilliseconds)
  await closed
  clearTimeout(timer)
}
