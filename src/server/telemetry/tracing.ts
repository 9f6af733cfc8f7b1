import { createHash, randomBytes } from 'node:crypto'
import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { TracedRun, Tracing } from '../../tracing.ts'

type Ids = { traceId: string; spanId: string }

/** Generates random ids, except for the span that starts in `withIds`. */
export function createIdGenerator() {
  let given: Ids | null = null
  return {
    generateTraceId: (): string => given?.traceId ?? randomBytes(16).toString('hex'),
    generateSpanId: (): string => given?.spanId ?? randomBytes(8).toString('hex'),
    withIds: (ids: Ids, start: () => Span): Span => {
      given = ids
      try {
        return start()
      } finally {
        given = null
      }
    },
  }
}

export type IdGenerator = ReturnType<typeof createIdGenerator>

/** Creates spans with the tracer of the SDK. */
export function createTracing(tracer: Tracer, ids: IdGenerator): Tracing {
  return {
    inRequest: ({ method, route, headers, response }, work) => {
      const parent = propagation.extract(ROOT_CONTEXT, headers)
      const attributes = { 'http.request.method': method, 'http.route': route }
      const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent)
      response.once('close', () => {
        span.setAttribute('http.response.status_code', response.statusCode)
        if (response.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      })
      return context.with(trace.setSpan(parent, span), work)
    },
    inOperation: ({ kind, name }, work) => {
      const attributes = {
        'graphql.operation.type': kind,
        ...(name !== null && { 'graphql.operation.name': name }),
      }
      const span = tracer.startSpan(name === null ? kind : `${kind} ${name}`, { attributes })
      return endAfter(span, () => context.with(trace.setSpan(context.active(), span), work))
    },
    runCreated: (run) => {
      if (run.traceId === null) return
      const active = trace.getSpanContext(context.active())
      const isSame = active?.traceId === run.traceId
      const options = {
        kind: SpanKind.PRODUCER,
        attributes: attributesOf(run),
        ...(active && !isSame && { links: [{ context: active }] }),
      }
      const start = (): Span =>
        tracer.startSpan(`create ${run.reportType}`, options, isSame ? context.active() : ROOT_CONTEXT)
      ids.withIds({ traceId: run.traceId, spanId: spanIdOf(run) }, start).end()
    },
    inRun: (run, work) => {
      const { traceId } = run
      const created = {
        traceId: traceId ?? '',
        spanId: spanIdOf(run),
        traceFlags: TraceFlags.SAMPLED,
        isRemote: true,
      }
      const parent = traceId === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, created)
      const attributes = { ...attributesOf(run), 'report_gateway.run.execution': run.execution }
      const span = tracer.startSpan(`run ${run.reportType}`, { kind: SpanKind.CONSUMER, attributes }, parent)
      return endAfter(span, () => context.with(trace.setSpan(parent, span), work))
    },
    runEnded: ({ status, failureCode }) => {
      const span = trace.getActiveSpan()
      span?.setAttribute('report_gateway.run.status', status)
      if (failureCode === null) return
      span?.setAttribute('error.type', failureCode)
      span?.setStatus({ code: SpanStatusCode.ERROR })
    },
    traceId: () => trace.getSpanContext(context.active())?.traceId ?? null,
  }
}

/** The id of the span that created a run. It follows from the run, so a worker knows it without the gateway. */
function spanIdOf({ id }: Pick<TracedRun, 'id'>): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16)
}

function attributesOf({ id, reportType }: TracedRun) {
  return { 'report_gateway.run.id': id, 'report_gateway.report_type': reportType }
}

/** Ends the span with the work, also when the work is a promise. The message of an error can quote data, so it is left out. */
function endAfter<Result>(span: Span, work: () => Result): Result {
  const fail = (): void => {
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  const end = (): void => span.end()
  try {
    const result = work()
    if (result instanceof Promise) result.catch(fail).finally(end)
    else end()
    return result
  } catch (error) {
    fail()
    end()
    throw error
  }
}
