import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpStatus } from '../error-codes.ts'
import { graphqlEndpoint, wantsPage } from '../graphql/endpoint.ts'
import type { AccessRule } from './access.ts'
import type { Handler } from './http.ts'

/** The response headers that a page may read, in addition to those that CORS always allows. */
const exposedHeaders = [
  'Accept-Ranges',
  'Allow',
  'Content-Disposition',
  'Content-Length',
  'Content-Range',
  'ETag',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
].join(', ')

/** In seconds: how long a browser may keep the answer to a preflight. Chromium keeps it for at most two hours. */
const preflightSeconds = 86_400

/** What an answer of `/graphql` depends on: GraphiQL is chosen by Accept, and compressed by Accept-Encoding. */
const variesBy = {
  graphql: 'Origin, Accept, Accept-Encoding, Authorization',
  others: 'Origin',
  preflight: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
}

/**
 * Lets pages of allowed origins read every answer of a handler, errors included, and answers their preflights. An answer to
 * any other origin has no CORS headers, so that a browser hides it from the page.
 *
 * It sets `Vary`, and `Cache-Control: no-store` unless the handler sets another value: no cache may keep an answer that
 * depends on an API key.
 */
export function withCrossOrigin(isAllowed: AccessRule, serve: Handler): Handler {
  return async (request, response, url) => {
    const isGraphql = url.pathname === graphqlEndpoint
    response.setHeader('Vary', isGraphql ? variesBy.graphql : variesBy.others)
    response.setHeader('Cache-Control', 'no-store')
    if (isAllowed(request.headers)) {
      // No other website may read GraphiQL, which may contain a key.
      if (!isGraphql || !wantsPage(request.method, request.headers.accept)) shareWithOrigin(request, response)
      if (request.method === 'OPTIONS') return answerPreflight(request, response, url)
    }
    return serve(request, response, url)
  }
}

/** Without `Access-Control-Allow-Credentials`: the gateway has no cookies. */
function shareWithOrigin({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
  if (origin === undefined) return
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Expose-Headers', exposedHeaders)
}

function answerPreflight({ headers }: IncomingMessage, response: ServerResponse, { pathname }: URL): void {
  const methods = pathname.startsWith('/files/') ? 'GET, HEAD, OPTIONS' : 'GET, POST, OPTIONS'
  response.setHeader('Allow', methods)
  response.setHeader('Vary', variesBy.preflight)
  if (headers['access-control-request-method'] !== undefined) {
    response.setHeader('Access-Control-Allow-Methods', methods)
    response.setHeader('Access-Control-Max-Age', preflightSeconds)
    // Every header is allowed: the gateway trusts none because a page cannot set it.
    const requested = headers['access-control-request-headers']
    if (requested !== undefined) response.setHeader('Access-Control-Allow-Headers', requested)
  }
  response.writeHead(204 satisfies HttpStatus<'any'>).end()
}
