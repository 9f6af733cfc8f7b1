/**
 * Every code with which the gateway rejects a request, including those that its libraries send; close-codes.ts has those of
 * WebSockets. The source files take codes, statuses and close numbers from there, so that one without an entry does not
 * type-check. docs/api/errors.md is generated from both files.
 */
export type Entry = {
  readonly meaning: string
  /** What the client should do, in full sentences; null when there is nothing to do. */
  readonly action: string | null
  /** True when the same request may succeed later without a change. */
  readonly retry: boolean
}

/** HTTP statuses by path. The statuses under `any` apply to every path, and to paths that do not exist. */
export const httpStatuses = {
  '/graphql': {
    101: info('The connection is now a WebSocket.'),
    200: info('The response is a GraphQL response or an event stream. It can contain `errors`.'),
    204: info('The response to a CORS preflight request.'),
    304: info('The GraphiQL page has not changed.'),
    400: lasting('The request or its document is rejected.', 'Read `extensions.code`.'),
    401: lasting('The API key is missing or not valid.', 'Send an active key.'),
    403: lasting('The website that sends the request is not allowed.', 'Read the message.'),
    405: lasting('The method is not allowed.', 'Use a method from the `Allow` header, or POST.'),
    406: lasting(
      'The `Accept` header contains no media type that the gateway can send.',
      'Accept `application/graphql-response+json` or `application/json`; for a subscription `text/event-stream`.',
    ),
    413: lasting('The request body is larger than 1 MiB.', 'Send a smaller body.'),
    415: lasting(
      'The request body is not declared as JSON in UTF-8, or it is compressed.',
      'Send `Content-Type: application/json` and no `Content-Encoding`.',
    ),
    426: lasting(
      'The handshake of a WebSocket has no `Upgrade` and `Connection: Upgrade` headers, which a proxy can have removed.',
      'Configure the [proxy](../operations/reverse-proxies.md).',
    ),
    429: passing(
      'The API key has too many event streams or subscriptions, or the account has too many requests in progress.',
      'Close an event stream, or wait for `Retry-After`, then try again.',
    ),
    500: passing('An internal error of the gateway.', 'Give `extensions.errorId` to support.'),
    503: passing('The database or the file store is not available.', 'Try again after `Retry-After`.'),
  },
  '/files/ID': {
    200: info('The file.'),
    204: info('The response to a CORS preflight request.'),
    206: info('The byte range of the file that `Range` requests.'),
    304: info('The file that the client has is current.'),
    403: lasting('The link has expired or was modified.', 'Get a new link from the API: `download { url }`.'),
    405: lasting('The method is not allowed.', 'Use GET or HEAD.'),
    410: lasting('The file has been deleted.', 'Run the report again.'),
    412: lasting('The file does not match `If-Match` or `If-Unmodified-Since`.', 'Download the whole file.'),
    416: lasting('The range is outside the file.', 'Request a range within `Content-Range`.'),
    500: passing('The file cannot be read.', 'Try again later.'),
  },
  '/health': {
    200: info('The process is alive.'),
    405: lasting('The method is not allowed.', 'Use GET or HEAD.'),
  },
  '/ready': {
    200: info('The process serves requests.'),
    405: lasting('The method is not allowed.', 'Use GET or HEAD.'),
    503: passing(
      'The process is starting or stopping, or a dependency is down.',
      'Send requests to another process until this one is ready.',
    ),
  },
  '/metrics': {
    200: info('The metrics in the Prometheus text format.'),
    405: lasting('The method is not allowed.', 'Use GET or HEAD.'),
  },
  any: {
    204: info('The response to a CORS preflight request.'),
    302: info('`/` redirects to `/graphql`.'),
    400: lasting('The request or the WebSocket handshake is malformed.', 'Correct the client.'),
    403: lasting(
      'The website or the host name of the request is not allowed.',
      'Ask the operator to set `ALLOWED_ORIGINS`.',
    ),
    404: lasting('The path does not exist. `/metrics` may be disabled.', 'Correct the path.'),
    405: lasting('The WebSocket handshake is not a GET request.', 'Correct the client.'),
    408: passing('The client did not send the request in time.', 'Send the request faster.'),
    413: lasting('The chunk extensions of the body are too long.', 'Send no chunk extensions.'),
    417: lasting('The `Expect` header is not `100-continue`.', 'Remove the header.'),
    431: lasting('The headers are too large.', 'Send fewer or shorter headers.'),
    500: passing('An internal error of the gateway.', 'Try again later.'),
    503: passing(
      'The gateway is starting, or the database is not available.',
      'Try again after `Retry-After`.',
    ),
  },
} as const satisfies Record<string, Readonly<Record<number, Entry>>>

/** A path of `httpStatuses`. */
export type HttpAddress = keyof typeof httpStatuses

/** The statuses of a path. */
export type HttpStatus<Address extends HttpAddress> = Address extends unknown
  ? keyof (typeof httpStatuses)[Address]
  : never

type Statuses = readonly [HttpStatus<'/graphql'>, ...HttpStatus<'/graphql'>[]]

/**
 * Values of `extensions.code`. `statuses` are the HTTP statuses of a response without data, the usual one first. 200 after
 * it replaces it in responses as `application/json` and as event streams.
 */
export const topLevelCodes = {
  GRAPHQL_PARSE_FAILED: lasting('The document is not valid GraphQL.', 'Correct the syntax at `locations`.', {
    statuses: [400, 200],
  }),
  GRAPHQL_VALIDATION_FAILED: lasting(
    'The document does not match the schema. A response contains at most three of the errors.',
    'Correct the document. schema.graphql contains all names and types.',
    { statuses: [400, 200] },
  ),
  OPERATION_RESOLUTION_FAILURE: lasting(
    'The document has several operations and `operationName` is missing, or it has no operation of that name.',
    'Send `operationName`.',
    { statuses: [400] },
  ),
  BAD_REQUEST: lasting(
    'The request is not a well-formed GraphQL request: its body is not a JSON object, or a member has the wrong type.',
    'Send a JSON object with `query` and, when needed, `variables`, `operationName` and `extensions`.',
    { statuses: [400] },
  ),
  BAD_USER_INPUT: lasting(
    'The value of a variable or an argument is not allowed. For an argument, `extensions.argument` is its name.',
    'Correct the value in the message.',
    { statuses: [400, 200] },
  ),
  NOT_FOUND: lasting(
    'The object of a subscription does not exist or is not visible to the viewer.',
    'Check the ID, and the account and mode of the API key.',
    { statuses: [200] },
  ),
  UNAUTHENTICATED: lasting(
    'The request has no API key, or the key is unknown, revoked or expired.',
    'Send an active key: `Authorization: Bearer sk_…`.',
    { statuses: [401] },
  ),
  CSRF_PREVENTED: lasting(
    'Another website could have made the browser send this GET request.',
    'Send a POST request with JSON, or add the header `Authorization`, `X-GraphQL-Yoga-CSRF` or `Apollo-Require-Preflight`.',
    { statuses: [403] },
  ),
  METHOD_NOT_ALLOWED: lasting(
    'The HTTP method is not allowed for the operation. Mutations require POST; with `GET_QUERIES=false`, so do queries.',
    'Use a method from the `Allow` header, or POST.',
    { statuses: [405] },
  ),
  NOT_ACCEPTABLE: lasting(
    'The `Accept` header allows no media type that the gateway can send for the operation. The operation was not executed.',
    'Accept `application/graphql-response+json` or `application/json`. For a subscription, accept `text/event-stream` or use a WebSocket.',
    { statuses: [406] },
  ),
  UNSUPPORTED_MEDIA_TYPE: lasting(
    'The request body is not declared as JSON in UTF-8, or it is compressed.',
    'Send `Content-Type: application/json` and no `Content-Encoding`.',
    { statuses: [415] },
  ),
  PERSISTED_QUERY_NOT_SUPPORTED: lasting(
    'The request has only the hash of a document.',
    'Send the document in `query`. Clients for persisted queries do so by themselves.',
    { statuses: [400, 200] },
  ),
  REQUEST_TOO_LARGE: lasting(
    'The body is larger than 1 MiB (413), or the document exceeds a limit: `extensions` contains the `limit`, its `maximum`, and the `actual` size or null.',
    'Request less: smaller pages, fewer fields, or several requests.',
    { statuses: [400, 413] },
  ),
  INTROSPECTION_DISABLED: lasting('Introspection is disabled.', 'Read schema.graphql.', {
    statuses: [400],
  }),
  LIMIT_REACHED: passing(
    'A temporary limit is reached: the API key has too many open event streams or active subscriptions, the WebSocket has too many active operations, or the account has too many requests in progress.',
    'Close an event stream or complete an operation, then try again. For requests, try again after the seconds in `Retry-After`, and send fewer at once.',
    { statuses: [429] },
  ),
  UNAVAILABLE: passing(
    'The database or the file store is not available or is overloaded.',
    'Try again after the seconds in `Retry-After`, or subscribe again with the last cursor. With an `idempotencyKey`, a repeated mutation has no second effect.',
    { statuses: [503] },
  ),
  INTERNAL_SERVER_ERROR: passing(
    'An internal error of the gateway.',
    'Give `extensions.errorId` to support. Repeat a mutation only with an `idempotencyKey`.',
    { statuses: [500] },
  ),
} as const satisfies Record<string, Entry & { readonly statuses: Statuses }>

export type TopLevelCode = keyof typeof topLevelCodes

/** Values of `userErrors.code`. `topLevel` replaces the code where a field has no `userErrors`. */
export const userErrorCodes = {
  INVALID_VALUE: lasting(
    'The value is not allowed.',
    'Correct the value at `path`; `allowed` contains the accepted values when they are a short list.',
    { topLevel: 'BAD_USER_INPUT' },
  ),
  NOT_FOUND: lasting(
    'The object does not exist or is not visible to the viewer.',
    'Check the ID, and the account and mode of the API key.',
    { topLevel: 'NOT_FOUND' },
  ),
  WRONG_STATUS: lasting(
    'The status of the run does not allow the operation.',
    'Read the status of the run in `reportRun`.',
    { topLevel: 'BAD_USER_INPUT' },
  ),
  IDEMPOTENCY_CONFLICT: lasting(
    'The idempotency key was already used with another request.',
    'Use a new key for a new request.',
    { topLevel: 'BAD_USER_INPUT' },
  ),
  LIMIT_REACHED: passing('A temporary limit is reached.', 'Send the same request again at `retryAfter`.', {
    topLevel: 'LIMIT_REACHED',
  }),
  LIVE_MODE_REQUIRED: lasting('The report type requires a live-mode API key.', 'Use a live-mode API key.', {
    topLevel: 'BAD_USER_INPUT',
  }),
} as const satisfies Record<string, Entry & { readonly topLevel: TopLevelCode }>

export type UserErrorCode = keyof typeof userErrorCodes

/** An entry that is not a rejection. */
function info(meaning: string): Entry {
  return { meaning, action: null, retry: false }
}

/** A rejection that lasts until the client changes something. `more` contains the other columns of the table. */
export function lasting(meaning: string, action: string): Entry
export function lasting<const More>(meaning: string, action: string, more: More): Entry & More
export function lasting(meaning: string, action: string, more?: object): Entry {
  return { meaning, action, retry: false, ...more }
}

/** A rejection that passes without a change by the client. */
export function passing(meaning: string, action: string): Entry
export function passing<const More>(meaning: string, action: string, more: More): Entry & More
export function passing(meaning: string, action: string, more?: object): Entry {
  return { meaning, action, retry: true, ...more }
}
