import type { Logger } from 'pino'

/** Something that runs in the background of a process until it is stopped. */
export type BackgroundJob = {
  /** Ends the run that is under way, and starts no more. */
  stop(): Promise<void>
}

export type RunEveryOptions = {
  /** The signal may end it at any time; the next call goes on with what is left. */
  task: (signal: AbortSignal) => Promise<unknown>
  /** From the start of one call to the start of the next. */
  milliseconds: number
  logger: Logger
  /** A sentence for the log when a call fails. */
  failureMessage: string
}

/** Calls a task again and again, never twice at once. A failure is logged once until a call succeeds. */
export function runEvery({ task, milliseconds, logger, failureMessage }: RunEveryOptions): BackgroundJob {
  const stopping = new AbortController()
  let running: Promise<void> | null = null
  let hasFailed = false
  const run = async (): Promise<void> => {
    try {
      await task(stopping.signal)
      hasFailed = false
    } catch (error) {
      if (stopping.signal.aborted) return
      if (!hasFailed) logger.warn({ err: error }, failureMessage)
      hasFailed = true
    }
  }
  const timer = setInterval(() => {
    running ??= run().finally(() => {
      running = null
    })
  }, milliseconds)
  return {
    stop: async () => {
      clearInterval(timer)
      stopping.abort()
      await running
    },
  }
}
