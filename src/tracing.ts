import type { IncomingHttpHeaders, ServerResponse } from 'node:http'

export type TracedRun = {
  id: string
  reportType: string
  /** Null for a run that is older than trace ids. */
  traceId: string | null
}

/** Records spans. No function throws by itself; each `in…` function returns what its work returns. */
export type Tracing = {
  /** A span that continues the trace of the header `traceparent`, until the response closes. */
  inRequest<Result>(
    request: { method: string; route: string; headers: IncomingHttpHeaders; response: ServerResponse },
    work: () => Result,
  ): Result
  /** A span for the execution of a GraphQL operation, and for the start of a subscription. */
  inOperation<Result>(operation: { kind: string; name: string | null }, work: () => Result): Result
  /** A run was created. Spans of its executions belong to this one, in any process. */
  runCreated(run: TracedRun): void
  /** A span for one execution of a run. */
  inRun<Result>(run: TracedRun & { execution: number }, work: () => Promise<Result>): Promise<Result>
  /** The run of the current span ended. */
  runEnded(run: { status: string; failureCode: string | null }): void
  /** The trace id of the current span, 32 hex digits; null when there is none. */
  traceId(): string | null
}

function nothing(): void {}

/** Records nothing. */
export const noTracing: Tracing = {
  inRequest: (_request, work) => work(),
  inOperation: (_operation, work) => work(),
  runCreated: nothing,
  inRun: (_run, work) => work(),
  runEnded: nothing,
  traceId: () => null,
}
