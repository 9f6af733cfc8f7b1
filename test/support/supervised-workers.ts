import type { GatewayProcess } from './gateway-process.ts'

/** Processes of which each is started again when it ends, as a supervisor does. */
export type SupervisedProcesses = AsyncDisposable & {
  /** The process that has this place now. */
  at(place: number): GatewayProcess
  /** How often processes have ended so far. */
  ends(): number
}

export function supervise(count: number, start: () => GatewayProcess): SupervisedProcesses {
  const places: GatewayProcess[] = []
  let ends = 0
  let isOver = false
  const keep = (place: number): void => {
    const started = start()
    places[place] = started
    started.child.once('exit', () => {
      if (isOver) return
      ends++
      keep(place)
    })
  }
  for (let place = 0; place < count; place++) keep(place)
  return {
    at: (place) => {
      const found = places[place]
      if (!found) throw new Error(`There is no process at ${place}.`)
      return found
    },
    ends: () => ends,
    [Symbol.asyncDispose]: async () => {
      isOver = true
      await Promise.all(places.map((process) => process[Symbol.asyncDispose]()))
    },
  }
}
