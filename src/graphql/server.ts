import { createYoga, type YogaServerInstance } from 'graphql-yoga'
import { readAuthorization } from '../auth/api-keys.ts'
import type { Config } from '../config/config.ts'
import { AuthenticationError } from '../errors.ts'
import type { Viewer } from '../tenant.ts'
import { authenticate, type Context, createContext, type GatewayServices } from './context.ts'
import { createErrorMask, hideSecrets, unauthenticated } from './errors.ts'
import { maxRequestBodySize } from './library-errors.ts'
import { preventForgery, refuseBrokenParameters, refuseGetQueries } from './plugins/csrf.ts'
import type { Prefill } from './plugins/graphiql.ts'
import { graphiqlPage, wantsPage } from './plugins/graphiql.ts'
import { createDocumentCache, limitDocuments } from './plugins/limits.ts'
import { countOperations } from './plugins/metrics.ts'
import { limitMistakes } from './plugins/validation.ts'
import { schema } from './schema.ts'

export const graphqlEndpoint = '/graphql'

/** What is known of an operation before Yoga has it. */
export type ConnectionContext = {
  /** Given by the WebSocket side alone, which has checked the key when the socket was opened. */
  viewer?: Viewer | null
  /** Aborts when the socket, or the answer, is closed. */
  gone: AbortSignal
}

export type Yoga = YogaServerInstance<ConnectionContext, Context>

/**
 * GraphQL over HTTP and SSE, and GraphiQL for browsers. A request passes the plugins in this order, then the context, where
 * its key is verified, then the resolvers; the mask and the last plugin have the errors.
 *
 * @param prefill what GraphiQL is filled with; null for nothing
 */
export function createGraphqlServer(
  services: GatewayServices,
  config: Pick<Config, 'documents' | 'introspection' | 'suggestions' | 'graphiql' | 'getQueries'>,
  prefill: Prefill | null,
): Yoga {
  const { logger, metrics } = services
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
      !config.getQueries && refuseGetQueries(),
      // Its document.
      limitDocuments(schema, config),
      limitMistakes(config.suggestions),
      // Its operation.
      countOperations(metrics),
      // The answer.
      hideSecrets(),
    ].filter((plugin) => plugin !== false),
    parserAndValidationCache: createDocumentCache(),
    multipart: false,
    batching: false,
    maxRequestBodySize,
    // Origins that are not allowed never get here: the access rule has refused them. Yoga names the one that asks, and
    // varies by it. No page may read GraphiQL, which may hold a key.
    cors: (request) =>
      !wantsPage(request) && { origin: '*', credentials: false, methods: ['GET', 'POST', 'OPTIONS'] },
    maskedErrors: { maskError: createErrorMask(logger) },
    logging: {
      debug: (...parts) => logger.debug({ parts }, 'yoga'),
      info: (...parts) => logger.debug({ parts }, 'yoga'),
      warn: (...parts) => logger.warn({ parts }, 'yoga'),
      // Every error that is shown to a client other than it was thrown; the mask has logged those that are faults.
      error: (...parts) => logger.debug({ parts }, 'yoga'),
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
