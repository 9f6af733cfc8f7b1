import { once } from 'node:events'
import WebSocket from 'ws'
import type { PinnedProcess } from '../../framework/pinned.ts'

/** Bytes of the JavaScript heap in use, after a garbage collection, of a process with `--inspect`. */
export async function heapOf(process: PinnedProcess): Promise<number> {
  const [, address] = /Debugger listening on (ws:\S+)/.exec(process.output()) ?? []
  if (!address) throw new Error('The process does not listen for a debugger.')
  const socket = new WebSocket(address)
  await once(socket, 'open')
  const call = async (id: number, method: string): Promise<{ usedSize: number }> => {
    socket.send(JSON.stringify({ id, method }))
    while (true) {
      const [data] = await once(socket, 'message')
      const answer: { id?: number; result: { usedSize: number } } = JSON.parse(String(data))
      if (answer.id === id) return answer.result
    }
  }
  await call(1, 'HeapProfiler.collectGarbage')
  const { usedSize } = await call(2, 'Runtime.getHeapUsage')
  socket.close()
  return usedSize
}
