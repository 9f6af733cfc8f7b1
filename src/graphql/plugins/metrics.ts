import { getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { ExecutedOperation, Metrics } from '../../metrics.ts'
import type { Context } from '../context.ts'
import { errorsOf } from '../errors.ts'

type Kind = ExecutedOperation['kind']

/** Counts the operations over HTTP, SSE and WebSocket by kind and outcome. */
export function countOperations(metrics: Metrics): Plugin<Context> {
  const countRefusal = (): void => metrics.operationExecuted({ kind: 'unknown', outcome: 'refused' })
  const count = (kind: Kind, result: unknown): void =>
    metrics.operationExecuted({ kind, outcome: errorsOf(result).length > 0 ? 'errors' : 'ok' })
  return {
    onParse: () => (parsed) => {
      if (parsed.result instanceof Error) countRefusal()
    },
    onValidate: () => (validated) => {
      if (!validated.valid) countRefusal()
    },
    onExecute: ({ args }) => {
      const kind = getOperationAST(args.document, args.operationName)?.operation ?? 'unknown'
      return { onExecuteDone: ({ result }) => count(kind, result) }
    },
    onSubscribe: () => ({ onSubscribeResult: ({ result }) => count('subscription', result) }),
  }
}
