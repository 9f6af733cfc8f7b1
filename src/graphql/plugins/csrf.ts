import { type GraphQLError, getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { refusal } from '../errors.ts'

/**
 * Headers that another website cannot send without a CORS preflight request, which only allowed origins pass. One of them
 * is enough, with any value.
 */
const provingHeaders = ['authorization', 'x-graphql-yoga-csrf', 'apollo-require-preflight']

/**
 * Rejects requests that another website can make a browser send without a preflight (CSRF): forms, plain text, links and
 * images.
 *
 * A POST request is safe by its content type, `application/json`. A GET request has none, so a browser must send one of
 * the headers. `Accept` does not count, because any website can set it. Clients other than browsers can send a GET
 * request without these headers, as the conformance audits of GraphQL over HTTP do: no website can control them.
 */
export function preventForgery(): Plugin {
  return {
    onRequestParse: ({ request }) => {
      if (request.method === 'POST' && !isJson(request)) {
        const message =
          'A POST request needs the header "Content-Type: application/json" and a JSON object with "query" as its body.'
        throw refusal('UNSUPPORTED_MEDIA_TYPE', message)
      }
      if (request.method !== 'GET' || !isFromBrowser(request) || isSameOrigin(request)) return
      if (provingHeaders.some((name) => request.headers.has(name))) return
      const message =
        'Another website could have sent this GET request. Add the header "Authorization", "X-GraphQL-Yoga-CSRF" or "Apollo-Require-Preflight" with any value, or send a POST request with JSON.'
      throw refusal('CSRF_PREVENTED', message)
    },
  }
}

/** Rejects a GET request whose parameters are not valid JSON; Yoga reports this as an internal error. */
export function refuseBrokenParameters(): Plugin {
  return {
    onRequestParse: ({ request, requestParser, setRequestParser }) => {
      if (request.method !== 'GET' || !requestParser) return
      setRequestParser((request) => {
        try {
          return requestParser(request)
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error
          throw refusal(
            'BAD_REQUEST',
            'The parameters "variables" and "extensions" of a GET request must be JSON.',
          )
        }
      })
    },
  }
}

/** Rejects GET requests except for subscriptions, because EventSource supports only GET. */
export function refuseGetQueries(): Plugin {
  return {
    onParams: ({ request, params }) => {
      if (request.method === 'GET' && !params.query) throw getNotAllowed()
    },
    onParse: () => (parsed) => {
      // A WebSocket has no request.
      const { request, params } = parsed.context
      if (request?.method !== 'GET' || !parsed.result || parsed.result instanceof Error) return
      const operation = getOperationAST(parsed.result, params.operationName)
      if (operation?.operation !== 'subscription') throw getNotAllowed()
    },
  }
}

/**
 * True when the request looks like that of a browser. Every browser names itself Mozilla, and a website cannot change that
 * without a preflight. Other clients act only for their own user, so they need no protection.
 */
function isFromBrowser({ headers }: Request): boolean {
  return (
    headers.has('sec-fetch-site') ||
    headers.has('origin') ||
    /^Mozilla\//i.test(headers.get('user-agent') ?? '')
  )
}

/** True when the user entered the address or the page is from this gateway. Browsers send the header over HTTPS and for localhost. */
function isSameOrigin({ headers }: Request): boolean {
  return /^(same-origin|none)$/.test(headers.get('sec-fetch-site') ?? '')
}

function isJson({ headers }: Request): boolean {
  return (headers.get('content-type') ?? '').split(/[;,]/)[0]?.trim().toLowerCase() === 'application/json'
}

function getNotAllowed(): GraphQLError {
  return refusal(
    'METHOD_NOT_ALLOWED',
    'This gateway accepts queries and mutations only by POST, with the header "Content-Type: application/json".',
    { headers: { Allow: 'POST' } },
  )
}
