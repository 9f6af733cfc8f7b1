import { getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { ExecutedOperation, Metrics } from '../../metrics.ts'
import type { Context } from '../context.ts'

type Kind = ExecutedOperation['kind']

/** Counts the operations of HTTP, SSE and WebSocket alike, by kind and outcome. */
export function watchOperations(metrics: Metrics): Plugin<Context> {
  const refused = (): void => metrics.operationExecuted({ kind: 'unknown', outcome: 'refused' })
  return {
    onParse:
      () =>
      ({ result }) => {
        if (result instanceof Error) refused()
      },
    onValidate:
      () =>
      ({ valid }) => {
        if (!valid) refused()
      },
    onExecute: ({ args }) => {
      const kind: Kind = getOperationAST(args.document, args.operationName)?.operation ?? 'unknown'
      return {
        onExecuteDone: ({ result }) => metrics.operationExecuted({ kind, outcome: outcomeOf(result) }),
      }
    },
    onSubscribe: () => ({
      onSubscribeResult: ({ result }) => {
        metrics.operationExecuted({ kind: 'subscription', outcome: outcomeOf(result) })
      },
    }),
  }
}

function hasErrors(result: unknown): boolean {
  return (
    result instanceof Object && 'errors' in result && Array.isArray(result.errors) && result.errors.length > 0
  )
}

function outcomeOf(result: unknown): 'ok' | 'errors' {
  return hasErrors(result) ? 'errors' : 'ok'
}
