export type ExecutedOperation = {
  kind: 'query' | 'mutation' | 'subscription' | 'unknown'
  /** `refused` for a document that was not executed. */
  outcome: 'ok' | 'errors' | 'refused'
}

/**
 * What is told to whoever counts. Every function is cheap and never throws; nothing that names an account, a run or a
 * key is handed to them, because each value of a label is kept for ever.
 */
export type Metrics = {
  /** A run is being worked on in this process; the function returned tells that it is not any more. */
  runTaken(run: {
    reportType: string
    createdAt: Date
    startedAt: Date | null
    /** How often it was begun, this time included. */
    execution: number
  }): () => void
  runEnded(run: {
    reportType: string
    status: string
    /** From its first start to its end; null when it never started. */
    runMilliseconds: bigint | null
    /** Of its result; null when it has none. */
    rowCount: bigint | null
    byteSize: bigint | null
  }): void
  /** Its route is one of a few patterns, never the path itself. */
  requestAnswered(request: { method: string; route: string; status: number; seconds: number }): void
  operationExecuted(operation: ExecutedOperation): void
  /** A WebSocket is open; the function returned tells that it is not any more. */
  socketOpened(): () => void
  /** The same for a subscription, over whatever it comes. */
  subscriptionOpened(): () => void
  /** Entries of the log that were handed to subscriptions. */
  eventsDelivered(count: number): void
  wakeUpReconnected(): void
}

function nothing(): void {}

/** For processes and tests that count nothing. */
export const noMetrics: Metrics = {
  runTaken: () => nothing,
  runEnded: nothing,
  requestAnswered: nothing,
  operationExecuted: nothing,
  socketOpened: () => nothing,
  subscriptionOpened: () => nothing,
  eventsDelivered: nothing,
  wakeUpReconnected: nothing,
}
