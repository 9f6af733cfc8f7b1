import { type DocumentNode, getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { maxNameLength } from '../../request-context.ts'
import type { Tracing } from '../../tracing.ts'
import type { Context } from '../context.ts'
import type { Execute } from '../execution/execute-compiled.ts'

/** Creates a span for each execution of a query or a mutation. */
export function traced(tracing: Tracing, execute: Execute): Execute {
  return (args) => tracing.inOperation(spanOf(args.document, args.operationName), () => execute(args))
}

/** Creates a span for the start of each subscription over SSE and WebSocket. */
export function traceSubscriptions(tracing: Tracing): Plugin<Context> {
  return {
    onSubscribe: ({ args, subscribeFn, setSubscribeFn }) =>
      setSubscribeFn((given) =>
        tracing.inOperation(spanOf(args.document, args.operationName), () => subscribeFn(given)),
      ),
  }
}

function spanOf(document: DocumentNode, name: string | null | undefined) {
  const operation = getOperationAST(document, name)
  return {
    kind: operation?.operation ?? 'unknown',
    name: operation?.name?.value.slice(0, maxNameLength) ?? null,
  }
}
