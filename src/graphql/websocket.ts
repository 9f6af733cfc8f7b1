import type { Server } from 'node:http'
import type { ExecutionArgs } from 'graphql'
import { GraphQLError } from 'graphql'
import { CloseCode, type Context as SocketState } from 'graphql-ws'
import { type Extra, useServer } from 'graphql-ws/use/ws'
import type { Logger } from 'pino'
import { WebSocketServer } from 'ws'
import { readConnectionParams } from '../auth/credentials.ts'
import type { Viewer } from '../auth/viewer.ts'
import { AuthenticationError } from '../errors.ts'
import type { Services } from './context.ts'
import { authenticate, graphqlEndpoint, type Yoga } from './yoga.ts'

type ConnectionParams = Record<string, unknown> | undefined
type SocketExtra = { viewer?: Viewer | null }

export type WebSocketOptions = {
  server: Server
  yoga: Yoga
  services: Services
  log: Logger
  /** False refuses the handshake with 403. */
  isAllowed: (headers: { host?: string | undefined; origin?: string | undefined }) => boolean
}

/** Largest message that a client may send, in bytes; the package's own limit is 100 MiB. */
const maxPayload = 64 * 1024

/** GraphQL over WebSocket (`graphql-transport-ws`) on the same path as over HTTP. */
export const startWebSockets = ({ server, yoga, services, log, isAllowed }: WebSocketOptions) => {
  const sockets = new WebSocketServer({
    server,
    path: graphqlEndpoint,
    maxPayload,
    verifyClient: ({ req }, done) => done(isAllowed(req.headers), 403, 'Forbidden'),
  })
  sockets.on('error', (error) => log.warn({ err: error }, 'The WebSocket server reported a fault.'))
  const operations = new WeakMap<object, ReturnType<Yoga['getEnveloped']>>()
  const operationOf = (args: ExecutionArgs) => {
    const operation = operations.get(args)
    if (!operation) throw new Error('An operation is executed that was never prepared.')
    return operation
  }

  const prepare = async (
    { extra, connectionParams }: SocketState<ConnectionParams, Extra & Partial<SocketExtra>>,
    payload: {
      query: string
      operationName?: string | null | undefined
      variables?: Record<string, unknown> | null | undefined
    },
  ): Promise<ExecutionArgs | readonly GraphQLError[]> => {
    const { viewer = null } = extra
    const operation = yoga.getEnveloped({ connectionParams, request: extra.request, viewer })
    try {
      const args = {
        schema: operation.schema,
        document: operation.parse(payload.query),
        operationName: payload.operationName,
        variableValues: payload.variables,
        contextValue: await operation.contextFactory({ viewer }),
      }
      const errors = operation.validate(args.schema, args.document)
      if (errors.length > 0) return errors
      operations.set(args, operation)
      return args
    } catch (error) {
      if (error instanceof GraphQLError) return [error]
      throw error
    }
  }

  const served = useServer<ConnectionParams, SocketExtra>(
    {
      execute: (args: ExecutionArgs) => operationOf(args).execute(args),
      subscribe: (args: ExecutionArgs) => operationOf(args).subscribe(args),
      onConnect: async ({ connectionParams, extra }) => {
        try {
          extra.viewer = await authenticate(services, readConnectionParams(connectionParams))
          return true
        } catch (error) {
          if (!(error instanceof AuthenticationError)) throw error
          extra.socket.close(CloseCode.Forbidden, error.message)
          return false
        }
      },
      onSubscribe: (state, _id, payload) => prepare(state, payload),
    },
    sockets,
  )
  return { stop: async (): Promise<void> => served.dispose() }
}
