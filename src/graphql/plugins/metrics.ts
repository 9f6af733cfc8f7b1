import { getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { ExecutedOperation } from '../../metrics.ts'
import { currentRequest, noteOperation } from '../../request-context.ts'
import type { Context } from '../context.ts'
import { errorsOf } from '../errors.ts'

type Kind = ExecutedOperation['kind']

/** Counts the operations over HTTP, SSE and WebSocket by kind and outcome, and notes their names for the log. */
export function countOperations({ metrics, logger }: Pick<Context, 'metrics' | 'logger'>): Plugin<Context> {
  const countRefusal = (): void => metrics.operationExecuted({ kind: 'unknown', outcome: 'refused' })
  const count = (kind: Kind, result: unknown): void => countExecuted(metrics, kind, result)
  // Over HTTP, the line of the request has the operation.
  const logOverSocket = ({ isSocket }: Pick<Context, 'isSocket'>): void => {
    if (isSocket) logger.info(currentRequest(), 'operation')
  }
  return {
    onParse:
      () =>
      ({ result, context: { params } }) => {
        if (result instanceof Error) return countRefusal()
        if (!result) return
        // A name matches /^[_A-Za-z]\w*$/, because the document was parsed.
        const operation = getOperationAST(result, params?.operationName)
        if (operation) noteOperation(operation.operation, operation.name?.value)
      },
    onValidate: () => (validated) => {
      if (!validated.valid) countRefusal()
    },
    onExecute: ({ args }) => {
      const kind = getOperationAST(args.document, args.operationName)?.operation ?? 'unknown'
      logOverSocket(args.contextValue)
      return { onExecuteDone: ({ result }) => count(kind, result) }
    },
    onSubscribe: ({ args }) => {
      logOverSocket(args.contextValue)
      return { onSubscribeResult: ({ result }) => count('subscription', result) }
    },
  }
}

/** Counts an executed operation by its outcome. */
export function countExecuted(metrics: Context['metrics'], kind: Kind, result: unknown): void {
  metrics.operationExecuted({ kind, outcome: errorsOf(result).length > 0 ? 'errors' : 'ok' })
}
