import { createYoga, type YogaServerInstance } from 'graphql-yoga'
import { readAuthorization } from '../auth/api-keys.ts'
import type { Config } from '../config/config.ts'
import { AuthenticationError } from '../errors.ts'
import type { Viewer } from '../tenant.ts'
import { noTracing } from '../tracing.ts'
import { authenticate, type Context, createContext, type GatewayServices } from './context.ts'
import { graphqlEndpoint } from './endpoint.ts'
import { createErrorMask, unauthenticated } from './errors.ts'
import { maxRequestBodySize } from './library-errors.ts'
import { preventForgery, refuseBrokenParameters, refuseGetQueries } from './plugins/csrf.ts'
import { setErrorStatuses } from './plugins/error-statuses.ts'
import { sendEventIds } from './plugins/event-ids.ts'
import { keepStreamsUnbuffered } from './plugins/event-streams.ts'
import type { Prefill } from './plugins/graphiql.ts'
import { graphiqlPage } from './plugins/graphiql.ts'
import { createDocumentCache, limitDocuments } from './plugins/limits.ts'
import { checkMediaTypes } from './plugins/media-types.ts'
import { countOperations } from './plugins/metrics.ts'
import { refusePersistedQueries } from './plugins/persisted-queries.ts'
import { traceOperations } from './plugins/tracing.ts'
import { limitErrors } from './plugins/validation.ts'
import { schema } from './schema.ts'

/** What is known about an operation before Yoga handles it. */
export type ConnectionContext = {
  /** Set only over WebSocket, where the key is checked when the socket connects. */
  viewer?: Viewer | null
  /** Aborts when the socket or the HTTP response closes. */
  gone: AbortSignal
  /** Whether the client is on this machine, so that it may see the key of the demo. Absent over WebSocket. */
  isLocal?: boolean
}

export type Yoga = YogaServerInstance<ConnectionContext, Context>

/**
 * Serves GraphQL over HTTP and SSE, and GraphiQL to browsers. A request passes the plugins in this order, then the context,
 * which verifies its key, then the resolvers. The mask and the last plugin handle the errors.
 *
 * @param prefill the values that GraphiQL is prefilled with; null for none
 */
export function createGraphqlServer(
  services: GatewayServices,
  config: Pick<Config, 'documents' | 'introspection' | 'suggestions' | 'graphiql' | 'getQueries'>,
  prefill: Prefill | null,
): Yoga {
  const { logger } = services
  const maskError = createErrorMask(logger)
  return createYoga<ConnectionContext, Context>({
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
      limitDocuments(schema, config),
      limitErrors(config.suggestions),
      // Its operation.
      countOperations(services),
      services.tracing !== noTracing && traceOperations(services.tracing),
      // The response.
      sendEventIds(),
      setErrorStatuses(maskError),
      keepStreamsUnbuffered(),
    ].filter((plugin) => plugin !== false),
    parserAndValidationCache: createDocumentCache(),
    multipart: false,
    batching: false,
    maxRequestBodySize,
    // The server in front of it sets the CORS headers of every answer.
    cors: false,
    maskedErrors: { maskError },
    logging: {
      debug: (...parts) => logger.debug({ parts }, 'yoga'),
      info: (...parts) => logger.debug({ parts }, 'yoga'),
      warn: (...parts) => logger.warn({ parts }, 'yoga'),
      // Yoga logs every error that passes the mask, which can quote a whole request. The mask logs internal errors.
      error: () => {},
    },
    context: async (initial) => {
      const { request, viewer, gone } = initial
      if (viewer !== undefined) return createContext(services, viewer, null, gone)
      try {
        const key = readAuthorization(request.headers.get('authorization'))
        return createContext(services, await authenticate(services, key), request.headers, gone)
      } catch (error) {
        throw error instanceof AuthenticationError ? unauthenticated(error) : error
      }
    },
  })
}
