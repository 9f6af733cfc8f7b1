import type { Server } from 'node:http'
import type { ExecutionArgs, GraphQLError, GraphQLFormattedError } from 'graphql'
import {
  CloseCode,
  handleProtocols,
  makeServer,
  type Context as SocketState,
  type SubscribePayload,
} from 'graphql-ws'
import type { Logger } from 'pino'
import { WebSocketServer } from 'ws'
import { readConnectionParams } from '../auth/credentials.ts'
import { AuthenticationError } from '../errors.ts'
import type { Services } from './context.ts'
import { createErrorMask } from './mask-error.ts'
import { closeReason, type SocketExtra, serveSocket } from './serve-socket.ts'
import { authenticate, graphqlEndpoint, type Yoga } from './yoga.ts'

type ConnectionParams = Record<string, unknown> | undefined

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

/** GraphiQL opens its sockets without a key, and sends the headers of its editor with each operation. */
const readOperationKey = ({ extensions }: SubscribePayload): string | null => {
  const headers = extensions?.headers
  return headers instanceof Object ? readConnectionParams({ ...headers }) : null
}

/** An error as it is sent: not with what is meant for Yoga, its HTTP status and the like. */
const formatted = (error: GraphQLError): GraphQLFormattedError => {
  const { http, unexpected, ...extensions } = error.extensions
  return { ...error.toJSON(), extensions }
}

/** GraphQL over WebSocket (`graphql-transport-ws`) on the same path as over HTTP. */
export const startWebSockets = ({ server, yoga, services, log, isAllowed }: WebSocketOptions) => {
  const sockets = new WebSocketServer({
    server,
    path: graphqlEndpoint,
    maxPayload,
    handleProtocols,
    verifyClient: ({ req }, done) => done(isAllowed(req.headers), 403, 'Forbidden'),
  })
  sockets.on('error', (error) => log.warn({ err: error }, 'The WebSocket server reported a fault.'))
  const mask = createErrorMask(log)
  const operations = new WeakMap<object, ReturnType<Yoga['getEnveloped']>>()
  const operationOf = (args: ExecutionArgs) => {
    const operation = operations.get(args)
    if (!operation) throw new Error('An operation is executed that was never prepared.')
    return operation
  }

  const prepare = async (
    { extra }: SocketState<ConnectionParams, SocketExtra>,
    payload: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> => {
    try {
      const viewer = extra.viewer ?? (await authenticate(services, readOperationKey(payload)))
      // Without the request: it was a GET, by which Yoga takes no mutations.
      const operation = yoga.getEnveloped({ viewer })
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
      return [mask(error)]
    }
  }

  const protocol = makeServer<ConnectionParams, SocketExtra>({
    execute: (args: ExecutionArgs) => operationOf(args).execute(args),
    subscribe: (args: ExecutionArgs) => operationOf(args).subscribe(args),
    onConnect: async ({ connectionParams, extra }) => {
      try {
        extra.viewer = await authenticate(services, readConnectionParams(connectionParams))
        return true
      } catch (error) {
        if (!(error instanceof AuthenticationError)) throw error
        extra.socket.close(CloseCode.Forbidden, closeReason(error.message))
        return false
      }
    },
    onSubscribe: (state, _id, payload) => prepare(state, payload),
    onNext: (_state, _id, _payload, _args, { errors, data }) =>
      errors && { ...(data === undefined ? {} : { data }), errors: errors.map(formatted) },
    onError: (_state, _id, _payload, errors) => errors.map(formatted),
  })
  sockets.on('connection', (socket, request) => serveSocket(socket, request, { protocol, log, mask }))

  return {
    /** Says good-bye to every client; those that do not answer within a second are cut off. */
    stop: async (): Promise<void> => {
      const closed = new Promise((resolve) => sockets.close(resolve))
      for (const socket of sockets.clients) socket.close(1001, 'Going away')
      const timer = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate()
      }, 1_000)
      await closed
      clearTimeout(timer)
    },
  }
}
