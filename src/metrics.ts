export type ExecutedOperation = {
  kind: 'query' | 'mutation' | 'subscription' | 'unknown'
  /** `refused` when the document was not executed. */
  outcome: 'ok' | 'errors' | 'refused'
}

/**
 * Receives measurements. Every function is cheap and never throws. No argument identifies an account, a run or a key,
 * because a metrics system keeps every value of a label.
 */
export type Metrics = {
  /** This process started to work on a run. Call the returned function when it stops. */
  runTaken(run: {
    reportType: string
    createdAt: Date
    startedAt: Date | null
    /** Number of starts of this run, including this one. */
    execution: number
  }): () => void
  runEnded(run: {
    reportType: string
    status: string
    /** Null unless the run failed. */
    failureCode: string | null
    /** From the first start to the end; null when the run never started. */
    runMilliseconds: bigint | null
    /** Null when the run has no result. */
    rowCount: bigint | null
    byteSize: bigint | null
  }): void
  /** `route` is one of a few patterns, never the path. */
  requestAnswered(request: { method: string; route: string; status: number; seconds: number }): void
  operationExecuted(operation: ExecutedOperation): void
  /** A WebSocket opened. Call the returned function when it closes. */
  socketOpened(): () => void
  /** A subscription started, over any transport. Call the returned function when it ends. */
  subscriptionOpened(): () => void
  /** A follower started to read the event log itself. Call the returned function when it has reached the end. */
  catchUpStarted(): () => void
  /** Entries of the event log were delivered to subscriptions. */
  eventsDelivered(count: number): void
  wakeUpReconnected(): void
}

function nothing(): void {}

/** Discards all measurements. */
export const noMetrics: Metrics = {
  runTaken: () => nothing,
  runEnded: nothing,
  requestAnswered: nothing,
  operationExecuted: nothing,
  socketOpened: () => nothing,
  subscriptionOpened: () => nothing,
  catchUpStarted: () => nothing,
  eventsDelivered: nothing,
  wakeUpReconnected: nothing,
}
