import type { Logger } from 'pino'

export type RegularLook = {
  /** Ends the look that is under way, and looks no more. */
  stop(): Promise<void>
}

export type RegularLookOptions = {
  /** May be ended by the signal at any time; the next look goes on with what is left. */
  look: (signal: AbortSignal) => Promise<void>
  /** From one look to the next. */
  milliseconds: number
  log: Logger
  /** What is logged when a look fails. */
  complaint: string
}

/** Looks again and again for something to do, never twice at once. */
export function lookRegularly({ look, milliseconds, log, complaint }: RegularLookOptions): RegularLook {
  const stopping = new AbortController()
  let looking: Promise<void> | null = null
  let isQuiet = false
  const attempt = async (): Promise<void> => {
    try {
      await look(stopping.signal)
      isQuiet = false
    } catch (error) {
      if (stopping.signal.aborted) return
      // Once is enough to say while the database is away.
      if (!isQuiet) log.warn({ err: error }, complaint)
      isQuiet = true
    }
  }
  const timer = setInterval(() => {
    looking ??= attempt().finally(() => {
      looking = null
    })
  }, milliseconds)
  return {
    stop: async () => {
      clearInterval(timer)
      stopping.abort()
      await looking
    },
  }
}
