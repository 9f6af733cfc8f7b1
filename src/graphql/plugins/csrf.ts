import { type GraphQLError, getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { refusal } from '../errors.ts'

/**
 * Headers that a page of another site cannot send without asking first, by a preflight request (CORS), which is granted
 * to allowed origins alone. One of them is enough; the value does not matter.
 */
const provingHeaders = ['authorization', 'x-graphql-yoga-csrf', 'apollo-require-preflight']

/**
 * Refuses what a page of another site can make a browser send without a preflight (CSRF): forms, texts, links, images.
 *
 * A POST is proven by its content type, `application/json`. A GET has none; a browser has to prove it by a header.
 * `Accept` proves nothing, since pages may set it. Other clients may send a bare GET: the conformance audits of
 * GraphQL over HTTP do, and no page can send in their place.
 */
export function preventForgery(): Plugin {
  return {
    onRequestParse: ({ request }) => {
      if (request.method === 'POST' && !isJson(request)) {
        const message =
          'A POST needs the header "Content-Type: application/json", and a JSON object with "query" as its body.'
        throw refusal('UNSUPPORTED_MEDIA_TYPE', message)
      }
      if (request.method !== 'GET' || !isFromBrowser(request) || isFromHere(request)) return
      if (provingHeaders.some((name) => request.headers.has(name))) return
      const message =
        'A page of another site could have sent this GET. Send it with a header that proves it was not: "Authorization", "X-GraphQL-Yoga-CSRF" or "Apollo-Require-Preflight", with any value; or send a POST of JSON.'
      throw refusal('CSRF_PREVENTED', message)
    },
  }
}

/** Says that what stands in the address is no JSON; Yoga itself takes that for a fault of the gateway. */
export function refuseBrokenParameters(): Plugin {
  return {
    onRequestParse: ({ request, requestParser, setRequestParser }) => {
      if (request.method !== 'GET' || !requestParser) return
      setRequestParser((asked) => {
        try {
          return requestParser(asked)
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error
          const message = `"variables" and "extensions" have to be JSON in a GET: ${error.message}.`
          throw refusal('BAD_REQUEST', message)
        }
      })
    },
  }
}

/** Leaves to GET only subscriptions, which EventSource has no other method for. */
export function refuseGetQueries(): Plugin {
  return {
    onParams: ({ request, params }) => {
      if (request.method === 'GET' && !params.query) throw notByGet()
    },
    onParse: () => (parsed) => {
      // A WebSocket has no request.
      const { request, params } = parsed.context
      if (request?.method !== 'GET' || !parsed.result || parsed.result instanceof Error) return
      const operation = getOperationAST(parsed.result, params.operationName)
      if (operation?.operation !== 'subscription') throw notByGet()
    },
  }
}

/**
 * True when a browser sent it, as far as can be told: every browser calls itself Mozilla, and a page cannot change that
 * without a preflight. Other clients act for their user alone, so there is nothing to prevent.
 */
function isFromBrowser({ headers }: Request): boolean {
  return (
    headers.has('sec-fetch-site') ||
    headers.has('origin') ||
    /^Mozilla\//i.test(headers.get('user-agent') ?? '')
  )
}

/** Typed by the user, or from a page of the gateway itself. Browsers say so over HTTPS and on the machine itself. */
function isFromHere({ headers }: Request): boolean {
  return /^(same-origin|none)$/.test(headers.get('sec-fetch-site') ?? '')
}

function isJson({ headers }: Request): boolean {
  return (headers.get('content-type') ?? '').split(/[;,]/)[0]?.trim().toLowerCase() === 'application/json'
}

function notByGet(): GraphQLError {
  return refusal(
    'METHOD_NOT_ALLOWED',
    'This gateway takes queries and mutations by POST only, with the header "Content-Type: application/json".',
    { headers: { Allow: 'POST' } },
  )
}
