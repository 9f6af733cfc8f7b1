import { graphqlEndpoint, type Yoga } from '../graphql/server.ts'
import { cutSlowStream } from '../graphql/transports/connection-limits.ts'
import type { AccessRule } from './access.ts'
import { answerText, type Handler } from './http.ts'

export type GatewayRoutes = {
  /** Whether a request is served at all. */
  isAllowed: AccessRule
  /** What a request is told that is not. */
  refusal: string
  yoga: Yoga
  /** Seconds after which a client that does not read an event stream is cut off. */
  slowReaderSeconds: number
  /** Null when files are not served here. */
  download: Handler | null
}

/** What a process that serves clients answers. */
export function createGatewayRouter({
  isAllowed,
  refusal,
  yoga,
  slowReaderSeconds,
  download,
}: GatewayRoutes): Handler {
  return async (request, response, url) => {
    if (!isAllowed(request.headers)) {
      return answerText(response, 403, refusal)
    }
    if (download && url.pathname.startsWith('/files/')) return download(request, response, url)
    if (url.pathname === graphqlEndpoint) {
      cutSlowStream(response, slowReaderSeconds)
      // Also after an answer in order: Yoga may refuse to stream a subscription that has begun already.
      const gone = new AbortController()
      response.once('close', () => gone.abort())
      await yoga(request, response, { gone: gone.signal })
      return
    }
    if (url.pathname === '/') {
      response.writeHead(302, { Location: graphqlEndpoint }).end()
      return
    }
    answerText(response, 404, `There is nothing at ${url.pathname}. GraphQL is at ${graphqlEndpoint}.`)
  }
}

/** What a worker answers to all that is not about its own state. */
export const answerAsWorker: Handler = async (_request, response, { pathname }) =>
  answerText(
    response,
    404,
    `There is nothing at ${pathname}. This process is a worker: it serves /health, /ready and /metrics only.`,
  )
