import type { Logger } from 'pino'

/** A task that runs in the background of a process until it is stopped. */
export type BackgroundJob = {
  /** Aborts the current call, waits for its end, and starts no more. */
  stop(): Promise<void>
}

export type RunEveryOptions = {
  /** The signal can abort a call at any time; the next call continues with the remaining work. */
  task: (signal: AbortSignal) => Promise<unknown>
  /** From the start of one call to the start of the next. */
  milliseconds: number
  logger: Logger
  /** The log message when a call fails. */
  failureMessage: string
}

/** Calls a task at an interval, never twice at once. Repeated failures are logged once until a call succeeds. */
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
