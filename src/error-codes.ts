/**
 * Every code by which the gateway refuses a request or closes a connection, those that its libraries send included. The
 * sources take codes, statuses and close numbers from here, so that one without an entry does not type-check;
 * docs/api/errors.md is printed from here.
 */
export type Entry = {
  readonly meaning: string
  /** What the client should do, in full sentences; null when there is nothing to do. */
  readonly action: string | null
  /** True when the same request may succeed later without a change. */
  readonly retry: boolean
}

/** HTTP statuses by address; `any` are those of every address, and of addresses where nothing is. */
export const httpStatuses = {
  '/graphql': {
    101: info('The connection is a WebSocket now.'),
    200: info('The answer is a GraphQL response or an event stream. It may have `errors`: read them.'),
    204: info('The answer to a preflight request (CORS).'),
    304: info('The page GraphiQL has not changed.'),
    400: lasting('The request or its document is refused.', 'Read `extensions.code`.'),
    401: lasting('The API key is missing or not valid.', 'Send an active key.'),
    403: lasting('The page that sends the request is not allowed.', 'Read the message.'),
    405: lasting('The method is not allowed.', 'Use the method that the header `Allow` names, or POST.'),
    406: lasting(
      'The header `Accept` names no type in which the answer can be sent.',
      'Accept `application/graphql-response+json` or `application/json`; for a subscription `text/event-stream`.',
    ),
    413: lasting('The body has more than 1 MiB.', 'Send less.'),
    415: lasting('The body is not declared as JSON.', 'Send `Content-Type: application/json`.'),
    429: passing('The API key has too many event streams open.', 'Close one, then try again.'),
    500: passing('A fault of the gateway.', 'Give `extensions.errorId` to support.'),
    503: passing('The database or the file store cannot be reached.', 'Try again after `Retry-After`.'),
  },
  '/files/ID': {
    200: info('The file.'),
    206: info('The range of the file that `Range` asks for.'),
    304: info('The file is the one that the client has.'),
    403: lasting('The link has expired, or was changed.', 'Ask the API for a new link: `download { url }`.'),
    405: lasting('A file can only be read.', 'Use GET or HEAD.'),
    410: lasting('The file has been deleted.', 'Run the report again.'),
    412: lasting('The file is not that of `If-Match` or `If-Unmodified-Since`.', 'Download it whole.'),
    416: lasting('The range lies outside the file.', 'Ask for a range within `Content-Range`.'),
    500: passing('The file cannot be read.', 'Try again later.'),
  },
  '/health': {
    200: info('The process is alive.'),
    405: lasting('The address can only be read.', 'Use GET or HEAD.'),
  },
  '/ready': {
    200: info('The process serves requests.'),
    405: lasting('The address can only be read.', 'Use GET or HEAD.'),
    503: passing(
      'The process starts or stops, or something that it needs is down.',
      'Send requests elsewhere until it is ready.',
    ),
  },
  '/metrics': {
    200: info('The metrics in the text format of Prometheus.'),
    405: lasting('The address can only be read.', 'Use GET or HEAD.'),
  },
  any: {
    302: info('`/` leads to `/graphql`.'),
    400: lasting('The request or the WebSocket handshake is not well formed.', 'Correct the client.'),
    403: lasting(
      'The page or the host name of the request is not allowed.',
      'Ask the operator to set `ALLOWED_ORIGINS`.',
    ),
    404: lasting('There is nothing at the address. `/metrics` may be switched off.', 'Correct the address.'),
    405: lasting('A WebSocket handshake is not a GET.', 'Correct the client.'),
    408: passing('The client did not send the request in time.', 'Send it faster.'),
    413: lasting('Extensions of a chunk are too long.', 'Leave them out.'),
    417: lasting('The header `Expect` asks for more than `100-continue`.', 'Leave the header out.'),
    431: lasting('The headers are too long.', 'Send fewer or shorter headers.'),
    500: passing('A fault of the gateway.', 'Try again later.'),
    503: passing('The gateway starts, or the database is down.', 'Try again after `Retry-After`.'),
  },
} as const satisfies Record<string, Readonly<Record<number, Entry>>>

/** An address of `httpStatuses`. */
export type HttpAddress = keyof typeof httpStatuses

/** The statuses of an address. */
export type HttpStatus<Address extends HttpAddress> = Address extends unknown
  ? keyof (typeof httpStatuses)[Address]
  : never

type Statuses = readonly [HttpStatus<'/graphql'>, ...HttpStatus<'/graphql'>[]]

/** Values of `extensions.code`. `statuses` are the HTTP statuses of an answer without data, the usual one first. */
export const topLevelCodes = {
  GRAPHQL_PARSE_FAILED: lasting('The document is not GraphQL.', 'Correct the syntax at `locations`.', {
    statuses: [400],
  }),
  GRAPHQL_VALIDATION_FAILED: lasting(
    'The document does not fit the schema. An answer names at most three mistakes.',
    'Correct the document; schema.graphql has all names and types.',
    { statuses: [400] },
  ),
  OPERATION_RESOLUTION_FAILURE: lasting(
    'The document has several operations and none is named, or none of the name given.',
    'Send `operationName`.',
    { statuses: [400] },
  ),
  BAD_REQUEST: lasting(
    'The request is not a well-formed GraphQL request: its body is not one JSON object, or a member is wrong.',
    'Send a JSON object with `query` and, when needed, `variables`, `operationName` and `extensions`.',
    { statuses: [400] },
  ),
  BAD_USER_INPUT: lasting(
    'A variable or an argument has a value that is not allowed. `extensions.argument` names the argument when there is one.',
    'Correct the value that the message names.',
    { statuses: [200, 400] },
  ),
  NOT_FOUND: lasting(
    'The object of a subscription does not exist, or the viewer may not see it.',
    'Check the id, and the account and mode of the API key.',
    { statuses: [200] },
  ),
  UNAUTHENTICATED: lasting(
    'No API key was sent, or the key is unknown, revoked or expired.',
    'Send an active key: `Authorization: Bearer sk_…`.',
    { statuses: [401] },
  ),
  CSRF_PREVENTED: lasting(
    'A page of another site could have made the browser send this GET.',
    'Send a POST of JSON, or add the header `Authorization`, `X-GraphQL-Yoga-CSRF` or `Apollo-Require-Preflight`.',
    { statuses: [403] },
  ),
  METHOD_NOT_ALLOWED: lasting(
    'The HTTP method is not allowed for this operation: mutations need POST, and with `GET_QUERIES=false` queries do, too.',
    'Use the method that the header `Allow` names, or POST.',
    { statuses: [405] },
  ),
  UNSUPPORTED_MEDIA_TYPE: lasting(
    'The body is not declared as JSON.',
    'Send `Content-Type: application/json`.',
    { statuses: [415] },
  ),
  REQUEST_TOO_LARGE: lasting(
    'The body has more than 1 MiB (413), or the document asks for more than a limit allows: `extensions` has the `limit`, its `maximum`, and the `actual` size or null.',
    'Ask for less: smaller pages, fewer fields, or several requests.',
    { statuses: [400, 413] },
  ),
  INTROSPECTION_DISABLED: lasting('Introspection is switched off.', 'Read schema.graphql.', {
    statuses: [400],
  }),
  LIMIT_REACHED: passing(
    'A limit that passes: the API key holds as many event streams open as it may, or the WebSocket has as many operations under way.',
    'Close a stream or complete an operation, then try again.',
    { statuses: [429] },
  ),
  UNAVAILABLE: passing(
    'The database or the file store cannot be reached.',
    'Try again after the seconds of `Retry-After`, or with the last cursor of a subscription. With an `idempotencyKey` nothing is done twice.',
    { statuses: [503] },
  ),
  INTERNAL_SERVER_ERROR: passing(
    'A fault of the gateway.',
    'Give `extensions.errorId` to support. Repeat a mutation only with an `idempotencyKey`.',
    { statuses: [500] },
  ),
} as const satisfies Record<string, Entry & { readonly statuses: Statuses }>

export type TopLevelCode = keyof typeof topLevelCodes

/** Values of `userErrors.code`; `topLevel` stands in its place where a field has no `userErrors`. */
export const userErrorCodes = {
  INVALID_VALUE: lasting(
    'The value is not allowed.',
    'Correct the value at `path`; `allowed` lists what is accepted when that is a short list.',
    { topLevel: 'BAD_USER_INPUT' },
  ),
  NOT_FOUND: lasting(
    'The object does not exist, or the viewer may not see it.',
    'Check the id, and the account and mode of the API key.',
    { topLevel: 'NOT_FOUND' },
  ),
  WRONG_STATUS: lasting(
    'The status of the run does not allow the operation.',
    'Read the status of the run in `reportRun`.',
    { topLevel: 'BAD_USER_INPUT' },
  ),
  IDEMPOTENCY_CONFLICT: lasting(
    'The idempotency key was used with another request.',
    'Use a new key for a new request.',
    { topLevel: 'BAD_USER_INPUT' },
  ),
  LIMIT_REACHED: passing(
    'A limit that passes with time is reached.',
    'Send the same request again at `retryAfter`.',
    { topLevel: 'LIMIT_REACHED' },
  ),
  LIVE_MODE_REQUIRED: lasting('The report type needs a live-mode key.', 'Use a live-mode API key.', {
    topLevel: 'BAD_USER_INPUT',
  }),
} as const satisfies Record<string, Entry & { readonly topLevel: TopLevelCode }>

export type UserErrorCode = keyof typeof userErrorCodes

/** How the gateway closes a WebSocket. */
export const closeCodes = {
  protocolError: lasting(
    'A frame breaks the WebSocket protocol.',
    'Correct the client or the proxy in between.',
    { number: 1002 },
  ),
  notUtf8: lasting('A message is not UTF-8.', 'Send text in UTF-8.', { number: 1007 }),
  tooManyFragments: lasting('A message comes in too many parts.', 'Send each message in one frame.', {
    number: 1008,
  }),
  messageTooLong: lasting(
    'A message is longer than `MAX_MESSAGE_BYTES`.',
    'Send shorter documents and variables.',
    { number: 1009 },
  ),
  restarting: passing('The gateway restarts.', 'Connect again at once, with the last cursor.', {
    number: 1012,
  }),
  tryAgainLater: passing(
    'The database cannot be reached.',
    'Connect again after a delay, with the last cursor.',
    { number: 1013 },
  ),
  badMessage: lasting(
    'A message does not follow the protocol `graphql-transport-ws`.',
    'Correct the message.',
    { number: 4400 },
  ),
  notInitialized: lasting(
    'An operation came before the gateway had acknowledged the connection.',
    'Send `connection_init` with the API key, and wait for `connection_ack`.',
    { number: 4401 },
  ),
  forbidden: lasting(
    'The API key is unknown, revoked or expired. An open connection closes within 5 s after that.',
    'Connect again with an active key.',
    { number: 4403 },
  ),
  wrongSubprotocol: lasting('The client did not offer this subprotocol.', 'Offer `graphql-transport-ws`.', {
    number: 4406,
  }),
  initTimeout: passing(
    'The client did not send `connection_init` in time.',
    'Connect again, and send `connection_init` first.',
    { number: 4408 },
  ),
  operationExists: lasting(
    'The id of an operation is in use on this connection.',
    'Give each operation an id of its own.',
    { number: 4409 },
  ),
  slowReader: passing(
    'The client did not read what it was sent.',
    'Read faster or subscribe to less, and connect again with the last cursor.',
    { number: 4413 },
  ),
  tooManyConnections: passing(
    'The API key holds as many connections open as it may, or the client sent `connection_init` twice. The reason says which.',
    'Close another connection, then connect again.',
    { number: 4429 },
  ),
  internalError: passing(
    'A fault of the gateway; the reason has the error id.',
    'Give the error id to support.',
    { number: 4500 },
  ),
} as const satisfies Record<string, Entry & { readonly number: number }>

export type CloseCode = keyof typeof closeCodes

/** Something that is not a refusal. */
function info(meaning: string): Entry {
  return { meaning, action: null, retry: false }
}

/** A refusal that lasts until the client changes something; `more` is what its table has besides. */
function lasting(meaning: string, action: string): Entry
function lasting<const More>(meaning: string, action: string, more: More): Entry & More
function lasting(meaning: string, action: string, more?: object): Entry {
  return { meaning, action, retry: false, ...more }
}

/** A refusal that passes by itself. */
function passing(meaning: string, action: string): Entry
function passing<const More>(meaning: string, action: string, more: More): Entry & More
function passing(meaning: string, action: string, more?: object): Entry {
  return { meaning, action, retry: true, ...more }
}
