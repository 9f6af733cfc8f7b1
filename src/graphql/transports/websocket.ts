import type { Server } from 'node:http'
import { type ExecutionArgs, type GraphQLError, getOperationAST } from 'graphql'
import { handleProtocols, makeServer, type Context as SocketState, type SubscribePayload } from 'graphql-ws'
import { isAsyncIterable } from 'graphql-yoga'
import { type WebSocket, WebSocketServer } from 'ws'
import { readAuthorization, readConnectionParams } from '../../auth/api-keys.ts'
import { AuthenticationError } from '../../errors.ts'
import { eventLoopTurn } from '../../event-loop.ts'
import type { Viewer } from '../../tenant.ts'
import { authenticate, type GatewayServices } from '../context.ts'
import { createErrorMask, formatError, refusal } from '../errors.ts'
import { isPersistedQuery, persistedQueryNotSupported } from '../plugins/persisted-queries.ts'
import type { Yoga } from '../server.ts'
import { closeSocket } from './close-socket.ts'
import { closeSockets, drainSockets } from './drain.ts'
import { type SocketExtra, serveSocket } from './serve-socket.ts'
import { keyRevoked } from './subscription-stream.ts'

type ConnectionParams = Record<string, unknown> | undefined

/**
 * Serves GraphQL over WebSocket (`graphql-transport-ws`).
 *
 * @param server decides itself which handshakes get a WebSocket
 */
export function startWebSockets(server: Server, yoga: Yoga, services: GatewayServices) {
  const { socketLimits: limits, takeConnection, keyWatch, metrics, logger } = services
  const sockets = new WebSocketServer({
    server,
    maxPayload: limits.messageBytes,
    handleProtocols,
  })
  sockets.on('error', (error) => logger.warn({ err: error }, 'The WebSocket server failed.'))
  const mask = createErrorMask(logger)
  const format = (error: GraphQLError) => formatError(mask(error))
  const operations = new WeakMap<object, ReturnType<Yoga['getEnveloped']>>()
  /** The streams of subscriptions that send their messages by themselves. */
  const streams = new WeakMap<object, AsyncIterable<never>>()
  const operationOf = (args: ExecutionArgs) => {
    const operation = operations.get(args)
    if (!operation) throw new Error('The operation was not prepared.')
    return operation
  }

  const prepare = async (
    { extra, subscriptions }: SocketState<ConnectionParams, SocketExtra>,
    id: string,
    payload: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> => {
    if (Object.keys(subscriptions).length > limits.operations) return [tooManyOperations(limits.operations)]
    try {
      const viewer = extra.viewer ?? (await authenticate(services, readOperationKey(payload)))
      // Clients that connect again at the same moment start their operations one after the other.
      if (viewer) await eventLoopTurn(viewer.accountId)
      // The request is left out: it is a GET request, for which Yoga rejects mutations.
      const { query, variables, operationName } = payload
      if (isPersistedQuery(payload)) return [persistedQueryNotSupported()]
      const connection = {
        gone: extra.gone,
        sink: extra.sinkOf(id),
        takeOver: (stream: AsyncIterable<never>) => void streams.set(args, stream),
      }
      const operation = yoga.getEnveloped({
        viewer,
        ...connection,
        params: { query, variables, operationName },
      })
      const document = operation.parse(query)
      if (!getOperationAST(document, operationName)) return [noOperation()]
      const args = {
        schema: operation.schema,
        document,
        operationName: payload.operationName,
        variableValues: payload.variables,
        contextValue: await operation.contextFactory({ viewer, ...connection }),
      }
      const errors = operation.validate(args.schema, args.document)
      if (errors.length > 0) return errors
      operations.set(args, operation)
      return args
    } catch (error) {
      return [mask(error)]
    }
  }

  const subscribe = async (args: ExecutionArgs) => {
    const results = await operationOf(args).subscribe(args)
    const stream = streams.get(args)
    if (!stream) return results
    // The protocol keeps `args` as long as the stream lasts: without what has opened it, that is a third of the memory.
    operations.delete(args)
    streams.delete(args)
    args.contextValue = undefined
    return stream
  }

  /** Counts the socket for its key, and closes it when the key is revoked or expires. */
  const bindToKey = (socket: WebSocket, viewer: Viewer | null): boolean => {
    // The socket emits 'close' once, and may have closed during the lookup of the key.
    if (socket.readyState === socket.CLOSED) return false
    const release = takeConnection(viewer?.apiKeyId ?? null)
    if (!release) {
      const reason = `The API key has ${limits.perKey} open connections, which is its limit.`
      closeSocket(socket, 'tooManyConnections', reason)
      return false
    }
    socket.once('close', release)
    if (viewer) {
      const end = () => closeSocket(socket, 'unauthorized', keyRevoked().message)
      socket.once('close', keyWatch.watch(viewer.apiKeyId, end))
    }
    return socket.readyState === socket.OPEN
  }

  const protocol = makeServer<ConnectionParams, SocketExtra>({
    connectionInitWaitTimeout: limits.handshakeSeconds * 1000,
    execute: (args: ExecutionArgs) => operationOf(args).execute(args),
    subscribe,
    onConnect: async ({ connectionParams, extra }) => {
      try {
        const viewer = await authenticate(services, readSocketKey(connectionParams, extra.authorization))
        extra.viewer = viewer
        return bindToKey(extra.socket, viewer)
      } catch (error) {
        if (!(error instanceof AuthenticationError)) throw error
        closeSocket(extra.socket, 'unauthorized', error.message)
        return false
      }
    },
    onSubscribe: (state, id, payload) => prepare(state, id, payload),
    onOperation: ({ extra }, id, _payload, _args, result) => {
      if (isAsyncIterable(result)) extra.started(id)
    },
    onNext: (_state, _id, _payload, _args, { errors, data }) =>
      errors && { errors: errors.map(format), ...(data === undefined ? {} : { data }) },
    onError: (_state, _id, _payload, errors) => errors.map(format),
  })
  sockets.on('connection', (socket, request) => {
    socket.once('close', metrics.socketOpened())
    const { slowReaderSeconds } = limits
    serveSocket(socket, request, { protocol, logger, mask, slowReaderSeconds })
  })

  return {
    /** Asks the connected clients to connect again. New sockets are still accepted. */
    leave: () => closeSockets(sockets),
    stop: () => drainSockets(sockets),
  }
}

/**
 * Reads the key of a socket: from `connection_init`, or else from the upgrade request, whose header may belong to a proxy
 * instead. Never from the URL, which proxies log.
 */
function readSocketKey(params: ConnectionParams, authorization: string | undefined): string | null {
  return readConnectionParams(params) ?? readAuthorization(authorization)
}

/** Reads the key of an operation: GraphiQL opens sockets without a key and sends the headers of its editor with each operation. */
function readOperationKey({ extensions }: SubscribePayload): string | null {
  const headers = extensions?.headers
  return headers instanceof Object ? readConnectionParams({ ...headers }) : null
}

/** The same error as Yoga's over HTTP. */
function noOperation(): GraphQLError {
  return refusal('OPERATION_RESOLUTION_FAILURE', 'Could not determine what operation to execute.')
}

function tooManyOperations(limit: number): GraphQLError {
  return refusal(
    'LIMIT_REACHED',
    `The WebSocket has ${limit} active operations, which is its limit. Complete one of them, or open another WebSocket.`,
  )
}
