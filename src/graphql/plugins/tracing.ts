import { type DocumentNode, getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { maxNameLength } from '../../request-context.ts'
import type { Tracing } from '../../tracing.ts'
import type { Context } from '../context.ts'

/** Creates a span for each operation over HTTP, SSE and WebSocket. */
export function traceOperations(tracing: Tracing): Plugin<Context> {
  const spanOf = (document: DocumentNode, name: string | null | undefined) => {
    const operation = getOperationAST(document, name)
    return {
      kind: operation?.operation ?? 'unknown',
      name: operation?.name?.value.slice(0, maxNameLength) ?? null,
    }
  }
  return {
    onExecute: ({ args, executeFn, setExecuteFn }) =>
      setExecuteFn((given) =>
        tracing.inOperation(spanOf(args.document, args.operationName), () => executeFn(given)),
      ),
    onSubscribe: ({ args, subscribeFn, setSubscribeFn }) =>
      setSubscribeFn((given) =>
        tracing.inOperation(spanOf(args.document, args.operationName), () => subscribeFn(given)),
      ),
  }
}
