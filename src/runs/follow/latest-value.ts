/** A value that one reader waits for. Only the newest is kept, so that a slow reader costs no more memory than a fast one. */
export type LatestValue<Value> = {
  set(value: Value): void
  /** The newest value that was not taken yet, at once or when it is set; null when the signal has aborted. */
  take(): Promise<Value | null>
}

export function createLatestValue<Value>(signal: AbortSignal): LatestValue<Value> {
  let latest: Value | null = null
  let wakeReader = (): void => {}
  signal.addEventListener('abort', () => wakeReader(), { once: true })
  return {
    set: (value) => {
      latest = value
      wakeReader()
    },
    take: async () => {
      if (latest === null && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wakeReader = resolve
        })
      }
      const taken = signal.aborted ? null : latest
      latest = null
      return taken
    },
  }
}
