import { createYoga, type YogaServerInstance } from 'graphql-yoga'
import { readAuthorization } from '../auth/api-keys.ts'
import type { Config } from '../config/config.ts'
import { AuthenticationError } from '../errors.ts'
import type { Viewer } from '../tenant.ts'
import { noTracing } from '../tracing.ts'
import {
  authenticate,
  type Connection,
  type Context,
  createContext,
  type GatewayServices,
  type OpenContext,
} from './context.ts'
import { graphqlEndpoint } from './endpoint.ts'
import { createErrorMask, unauthenticated } from './errors.ts'
import { createCompiledExecutor, executeOrdinarily } from './execution/execute-compiled.ts'
import { maxRequestBodySize } from './library-errors.ts'
import { executeBy } from './plugins/compiled-operations.ts'
import { preventForgery, refuseBrokenParameters, refuseGetQueries } from './plugins/csrf.ts'
import { createDocumentCache } from './plugins/document-cache.ts'
import { setErrorStatuses } from './plugins/error-statuses.ts'
import { sendEventIds } from './plugins/event-ids.ts'
import { keepStreamsUnbuffered } from './plugins/event-streams.ts'
import type { Prefill } from './plugins/graphiql.ts'
import { graphiqlPage } from './plugins/graphiql.ts'
import { createSizeCheck, limitDocuments } from './plugins/limits.ts'
import { checkMediaTypes } from './plugins/media-types.ts'
import { countOperations } from './plugins/metrics.ts'
import { refusePersistedQueries } from './plugins/persisted-queries.ts'
import { traced, traceSubscriptions } from './plugins/tracing.ts'
import { createValidDocuments } from './plugins/valid-documents.ts'
import { createErrorLimit, limitErrors } from './plugins/validation.ts'
import { schema } from './schema.ts'
import { createShortPath, type ShortPath } from './short-path/short-path.ts'

/** What is known about an operation before Yoga handles it. */
export type ConnectionContext = Connection & {
  /** Set only over WebSocket, where the key is checked when the socket connects. */
  viewer?: Viewer | null
  /** Whether the client is on this machine, so that it may see the key of the demo. Absent over WebSocket. */
  isLocal?: boolean
}

export type Yoga = YogaServerInstance<ConnectionContext, Context>

export type GraphqlServer = {
  yoga: Yoga
  /** Null when it is turned off. */
  shortPath: ShortPath | null
}

/**
 * Serves GraphQL over HTTP and SSE, and GraphiQL to browsers. A request passes the plugins in this order, then the context,
 * which verifies its key, then the resolvers. The mask and the last plugin handle the errors. The short path does the same
 * for common requests.
 *
 * @param prefill the values that GraphiQL is prefilled with; null for none
 */
export function createGraphqlServer(
  services: GatewayServices,
  config: Pick<
    Config,
    'documents' | 'introspection' | 'suggestions' | 'graphiql' | 'getQueries' | 'shortcuts'
  >,
  prefill: Prefill | null,
): GraphqlServer {
  const { logger, tracing, metrics } = services
  const mask = createErrorMask(logger)
  const cache = createDocumentCache()
  const documents = createValidDocuments(cache)
  const checkSize = createSizeCheck(schema, config)
  const errorLimit = createErrorLimit(config.suggestions)
  const executeUntraced = config.shortcuts.compiledOperations ? createCompiledExecutor() : executeOrdinarily
  const execute = tracing === noTracing ? executeUntraced : traced(tracing, executeUntraced)
  const openContext: OpenContext = async (headers, connection, variables) => {
    try {
      const key = readAuthorization(headers.get('authorization'))
      return createContext(services, await authenticate(services, key), headers, connection, variables)
    } catch (error) {
      throw error instanceof AuthenticationError ? unauthenticated(error) : error
    }
  }
  const yoga = createYoga<ConnectionContext, Context>({
    schema,
    graphqlEndpoint,
    landingPage: false,
    graphiql: false,
    plugins: [
      // The request.
      config.graphiql && graphiqlPage(prefill),
      preventForgery(),
      refuseBrokenParameters(),
      checkMediaTypes(),
      refusePersistedQueries(),
      !config.getQueries && refuseGetQueries(),
      // Its document.
      limitDocuments(config.documents, checkSize),
      limitErrors(errorLimit),
      documents.plugin,
      // Its operation.
      executeBy(execute),
      countOperations(services),
      tracing !== noTracing && traceSubscriptions(tracing),
      // The response.
      sendEventIds(),
      setErrorStatuses(mask),
      keepStreamsUnbuffered(),
    ].filter((plugin) => plugin !== false),
    parserAndValidationCache: cache,
    multipart: false,
    batching: false,
    maxRequestBodySize,
    // The server in front of it sets the CORS headers of every answer.
    cors: false,
    maskedErrors: { maskError: mask },
    logging: {
      debug: (...parts) => logger.debug({ parts }, 'yoga'),
      info: (...parts) => logger.debug({ parts }, 'yoga'),
      warn: (...parts) => logger.warn({ parts }, 'yoga'),
      // Yoga logs every error that passes the mask, which can quote a whole request. The mask logs internal errors.
      error: () => {},
    },
    context: ({ request, viewer, params, ...connection }) =>
      viewer === undefined
        ? openContext(request.headers, connection, params?.variables)
        : createContext(services, viewer, null, connection, params?.variables),
  })
  const { fetchAPI } = yoga
  const parts = { documents, checkSize, errorLimit, execute, mask, openContext, metrics, fetchAPI }
  return { yoga, shortPath: config.shortcuts.shortRequestPath ? createShortPath(parts) : null }
}
