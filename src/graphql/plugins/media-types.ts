import { GraphQLError, getOperationAST } from 'graphql'
import { type GraphQLParams, type Plugin, processRegularResult } from 'graphql-yoga'
import { errorsOf, refusal } from '../errors.ts'

const json = ['application/graphql-response+json', 'application/json']
const eventStream = 'text/event-stream'
const multipart = 'multipart/mixed'

/** The maximum number of characters of a header that an error quotes. */
const maxQuoted = 100

/**
 * Checks the media types of a request before its operation is executed, so that an operation whose response the client does
 * not accept changes nothing. Yoga checks `Accept` after the execution, compares `Content-Type` with case, and sends empty
 * responses.
 */
export function checkMediaTypes(): Plugin {
  return {
    onRequestParse: ({ request, setRequestParser }) => {
      if (request.method === 'POST') {
        checkBody(request)
        setRequestParser(readJson)
      }
      if (!acceptsOneOf(request, [...json, eventStream, multipart])) throw notAcceptable(request)
    },
    onParse: () => (parsed) => {
      // A WebSocket has no request.
      const { request, params } = parsed.context
      if (!request || !parsed.result || parsed.result instanceof Error) return
      const operation = getOperationAST(parsed.result, params.operationName)?.operation
      if (operation === 'subscription' && !acceptsOneOf(request, [eventStream])) throw notStreamed(request)
    },
    onResultProcess: ({ result, resultProcessor, setResultProcessor }) => {
      const isRefused = errorsOf(result).some(({ extensions }) => extensions.code === 'NOT_ACCEPTABLE')
      if (isRefused || !resultProcessor) setResultProcessor(processRegularResult, 'application/json')
    },
  }
}

/** @throws GraphQLError when the body is not plain UTF-8, which JSON must be */
function checkBody({ headers }: Request): void {
  const charset = /;\s*charset\s*=\s*"?([^";,\s]+)/i.exec(headers.get('content-type') ?? '')?.[1]
  if (charset && !/^utf-?8$/i.test(charset)) {
    const message = `The charset of the body is ${quote(charset)}. Send JSON in UTF-8: "Content-Type: application/json".`
    throw refusal('UNSUPPORTED_MEDIA_TYPE', message)
  }
  const encoding = headers.get('content-encoding')
  if (encoding && !/^identity$/i.test(encoding)) {
    const message = `The Content-Encoding of the body is ${quote(encoding)}. Send the body without compression.`
    throw refusal('UNSUPPORTED_MEDIA_TYPE', message, { headers: { 'Accept-Encoding': 'identity' } })
  }
}

/** The parameters in a JSON body. The plugins that follow check the members of the object. */
async function readJson(request: Request): Promise<GraphQLParams> {
  const body = await request.json().catch((error: unknown) => {
    // Such as a body over the limit.
    if (error instanceof GraphQLError) throw error
    // The client has disconnected: the reset of its connection is not an outage of the database.
    if (!(error instanceof SyntaxError))
      throw refusal('BAD_REQUEST', 'The connection closed before the body was complete.')
    // The message of the error quotes the body, which can contain a key.
    const [position = ''] = / at position \d+/.exec(error.message) ?? []
    throw refusal('BAD_REQUEST', `The body is not valid JSON${position}.`)
  })
  if (body instanceof Object) return body
  throw refusal('BAD_REQUEST', 'The body must be a JSON object with "query".')
}

/** True when the `Accept` header allows one of the types. A request without the header accepts everything. */
function acceptsOneOf({ headers }: Request, types: readonly string[]): boolean {
  const ranges = (headers.get('accept') || '*/*').replaceAll(/\s/g, '').toLowerCase().split(',')
  return ranges.some((range) => {
    const [type = '', ...parameters] = range.split(';')
    const isRefused = parameters.some((parameter) => /^q=0(\.0*)?$|^charset=(?!utf-8$)/.test(parameter))
    return !isRefused && types.some((served) => matches(served, type))
  })
}

function matches(type: string, range: string): boolean {
  return range === '*/*' || range === type || (range.endsWith('/*') && type.startsWith(range.slice(0, -1)))
}

function notAcceptable({ headers }: Request): GraphQLError {
  return refusal(
    'NOT_ACCEPTABLE',
    `The gateway sends none of the media types in "Accept: ${cut(headers.get('accept') ?? '')}". Accept ${json.join(' or ')}, or ${eventStream} for a subscription.`,
  )
}

function notStreamed({ headers }: Request): GraphQLError {
  const found = `A subscription is not sent as "Accept: ${cut(headers.get('accept') ?? '')}" asks.`
  const ways = `Send "Accept: ${eventStream}", or open a WebSocket with the subprotocol graphql-transport-ws at the same address.`
  return refusal('NOT_ACCEPTABLE', `${found} ${ways}`)
}

function quote(value: string): string {
  return JSON.stringify(cut(value))
}

function cut(value: string): string {
  return value.length > maxQuoted ? `${value.slice(0, maxQuoted)}…` : value
}
