import type { Config } from '../config/config.ts'
import type { HttpStatus } from '../error-codes.ts'
import { graphqlEndpoint, type Yoga } from '../graphql/server.ts'
import { cutSlowStream } from '../graphql/transports/connection-limits.ts'
import { type AccessRule, explainAccess } from './access.ts'
import { answerText, type Handler } from './http.ts'

/**
 * Creates the handler of a process that serves clients.
 *
 * @param download null when this process serves no files
 */
export function createGatewayRouter(
  config: Config,
  isAllowed: AccessRule,
  yoga: Yoga,
  download: Handler | null,
): Handler {
  return async (request, response, url) => {
    if (!isAllowed(request.headers)) return answerText(response, 403, explainAccess(config))
    if (download && url.pathname.startsWith('/files/')) return download(request, response, url)
    if (url.pathname === graphqlEndpoint) {
      cutSlowStream(response, config.sockets.slowReaderSeconds)
      // Also after a complete response: Yoga can refuse to stream a subscription that has already started.
      const gone = new AbortController()
      response.once('close', () => gone.abort())
      await yoga(request, response, { gone: gone.signal })
      return
    }
    if (url.pathname === '/') {
      response.writeHead(302 satisfies HttpStatus<'any'>, { Location: graphqlEndpoint }).end()
      return
    }
    answerText(response, 404, `There is nothing at ${url.pathname}. GraphQL is at ${graphqlEndpoint}.`)
  }
}

/** Answers all requests to a worker that no operator endpoint serves. */
export const answerAsWorker: Handler = async (_request, response, { pathname }) =>
  answerText(
    response,
    404,
    `There is nothing at ${pathname}. This process is a worker: it serves /health, /ready and /metrics only.`,
  )
