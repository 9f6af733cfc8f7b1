import type { GatewayProcess } from './gateway-process.ts'

/** Processes that restart when they end, as under a supervisor. */
export type SupervisedProcesses = AsyncDisposable & {
  /** The process that now runs at this index. */
  at(index: number): GatewayProcess
  /** How often processes have ended so far. */
  ends(): number
}

export function supervise(count: number, start: () => GatewayProcess): SupervisedProcesses {
  const processes: GatewayProcess[] = []
  let ends = 0
  let isStopped = false
  const startAt = (index: number): void => {
    const started = start()
    processes[index] = started
    started.child.once('exit', () => {
      if (isStopped) return
      ends++
      startAt(index)
    })
  }
  for (let index = 0; index < count; index++) startAt(index)
  return {
    at: (index) => {
      const found = processes[index]
      if (!found) throw new Error(`There is no process at ${index}.`)
      return found
    },
    ends: () => ends,
    [Symbol.asyncDispose]: async () => {
      isStopped = true
      await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()))
    },
  }
}
