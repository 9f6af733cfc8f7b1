import type { HttpAddress, HttpStatus, TopLevelCode } from '../../src/error-codes.ts'

/** A request that is refused, or not answered by GraphQL. */
export type BadRequest = {
  what: string
  path: string
  request: RequestInit & { headers: Record<string, string> }
  status: HttpStatus<HttpAddress>
  /** Absent when the answer is not GraphQL's. */
  code?: TopLevelCode
}

/** Stands for the key of a test's account, which is not known when tests are named. */
export const accountKey = 'Bearer KEY'

const query = '{ viewer { __typename } }'
const subscription = 'subscription { reportRunEvents { cursor } }'
const json = { 'content-type': 'application/json', authorization: accountKey }
const strict = { ...json, accept: 'application/graphql-response+json' }
const plain = { ...json, accept: 'application/json' }
const anything = { ...json, accept: '*/*' }
const events = { ...json, accept: 'text/event-stream' }

const outOfRange = { query: '{ reportRuns(first: 0) { totalCount } }' }

type Answer = Pick<BadRequest, 'status' | 'code'>

function post(
  what: string,
  status: Answer['status'],
  code: TopLevelCode,
  body: unknown,
  headers: BadRequest['request']['headers'] = strict,
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { what, path: '/graphql', status, code, request: { method: 'POST', headers, body: text } }
}

function get(
  what: string,
  path: string,
  answer: Answer,
  headers: Record<string, string> = {},
  method = 'GET',
) {
  return { what, path, ...answer, request: { method, headers } }
}

export const badRequests: readonly BadRequest[] = [
  post('a body that is not JSON', 400, 'BAD_REQUEST', '{'),
  post('a batch', 400, 'BAD_REQUEST', [{ query }]),
  post('a body without a query', 400, 'BAD_REQUEST', {}),
  post('the hash of a query', 400, 'PERSISTED_QUERY_NOT_SUPPORTED', {
    extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } },
  }),
  post(
    'the hash of a query, accepting JSON',
    200,
    'PERSISTED_QUERY_NOT_SUPPORTED',
    { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } },
    plain,
  ),
  post('variables that are not an object', 400, 'BAD_REQUEST', { query, variables: 3 }),
  post('a document that is not GraphQL', 400, 'GRAPHQL_PARSE_FAILED', { query: '{' }),
  post('an unknown field', 400, 'GRAPHQL_VALIDATION_FAILED', { query: '{ a }' }),
  post('a body that is not JSON, accepting JSON', 400, 'BAD_REQUEST', '{', plain),
  post('a body without a query, accepting JSON', 400, 'BAD_REQUEST', {}, plain),
  post('a body without a query, accepting anything', 400, 'BAD_REQUEST', {}, anything),
  post('a body without a query, accepting events', 400, 'BAD_REQUEST', {}, events),
  post('a document that is not GraphQL, accepting JSON', 200, 'GRAPHQL_PARSE_FAILED', { query: '{' }, plain),
  post(
    'a document that is not GraphQL, accepting events',
    200,
    'GRAPHQL_PARSE_FAILED',
    { query: '{' },
    events,
  ),
  post('an unknown field, accepting JSON', 200, 'GRAPHQL_VALIDATION_FAILED', { query: '{ a }' }, plain),
  post(
    'an unknown field, accepting anything',
    200,
    'GRAPHQL_VALIDATION_FAILED',
    { query: '{ a }' },
    anything,
  ),
  post('an unknown field, without Accept', 200, 'GRAPHQL_VALIDATION_FAILED', { query: '{ a }' }, json),
  post('an unknown operation', 400, 'OPERATION_RESOLUTION_FAILURE', { query, operationName: 'A' }),
  post('a variable of another type', 400, 'BAD_USER_INPUT', {
    query: 'query ($n: Int) { reportRuns(first: $n) { totalCount } }',
    variables: { n: 'x' },
  }),
  post('an argument out of range', 400, 'BAD_USER_INPUT', outOfRange),
  post('an argument out of range, accepting JSON', 200, 'BAD_USER_INPUT', outOfRange, plain),
  post('too many levels', 400, 'REQUEST_TOO_LARGE', { query: `{ ${'a { '.repeat(20)}b${' }'.repeat(20)} }` }),
  post('a large body', 413, 'REQUEST_TOO_LARGE', { query, variables: { pad: 'x'.repeat(1024 * 1024) } }),
  post('introspection', 400, 'INTROSPECTION_DISABLED', { query: '{ __schema { __typename } }' }),
  post('a form', 415, 'UNSUPPORTED_MEDIA_TYPE', 'a=b', {
    ...strict,
    'content-type': 'application/x-www-form-urlencoded',
  }),
  post(
    'a wrong key',
    401,
    'UNAUTHENTICATED',
    { query },
    { ...strict, authorization: 'Bearer sk_test_wrong' },
  ),
  post('an empty key', 401, 'UNAUTHENTICATED', { query }, { ...strict, authorization: '' }),
  get('no key', `/graphql?query=${encodeURIComponent(query)}`, { status: 401, code: 'UNAUTHENTICATED' }),
  get('a PUT', '/graphql', { status: 405, code: 'METHOD_NOT_ALLOWED' }, json, 'PUT'),
  get(
    'a mutation by GET',
    `/graphql?query=${encodeURIComponent('mutation { __typename }')}`,
    { status: 405, code: 'METHOD_NOT_ALLOWED' },
    json,
  ),
  get(
    'a GET of a browser',
    '/graphql?query={a}',
    { status: 403, code: 'CSRF_PREVENTED' },
    { 'user-agent': 'Mozilla/5.0' },
  ),
  get(
    'variables in the address that are not JSON',
    '/graphql?query={a}&variables=x',
    { status: 400, code: 'BAD_REQUEST' },
    json,
  ),
  get('a foreign page', '/graphql', { status: 403 }, { origin: 'https://foreign.example' }),
  get(
    'the hash of a query in the address',
    `/graphql?extensions=${encodeURIComponent('{"persistedQuery":{"version":1,"sha256Hash":"x"}}')}`,
    { status: 200, code: 'PERSISTED_QUERY_NOT_SUPPORTED' },
    json,
  ),
  get(
    'an answer as an image',
    `/graphql?query=${encodeURIComponent(query)}`,
    { status: 406, code: 'NOT_ACCEPTABLE' },
    { ...json, accept: 'image/png' },
  ),
  post(
    'JSON in another charset',
    406,
    'NOT_ACCEPTABLE',
    { query },
    { ...json, accept: 'application/json; charset=utf-16' },
  ),
  post('no JSON', 406, 'NOT_ACCEPTABLE', { query }, { ...json, accept: 'application/json;q=0' }),
  post('an image for a form', 415, 'UNSUPPORTED_MEDIA_TYPE', 'a=b', {
    ...json,
    accept: 'image/png',
    'content-type': 'text/plain',
  }),
  post('a subscription as JSON', 406, 'NOT_ACCEPTABLE', { query: subscription }, plain),
  post(
    'a subscription in parts, as Apollo Client asks for it',
    406,
    'NOT_ACCEPTABLE',
    { query: subscription },
    { ...json, accept: 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json' },
  ),
  post(
    'a body in another charset',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    { query },
    { ...strict, 'content-type': 'application/json; charset=iso-8859-1' },
  ),
  post(
    'a body that is compressed',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    { query },
    { ...strict, 'content-encoding': 'gzip' },
  ),
  get('a preflight', '/graphql', { status: 204 }, {}, 'OPTIONS'),
  get('a preflight of a file', '/files/rf_x', { status: 204 }, {}, 'OPTIONS'),
  get('a preflight elsewhere', '/nothing', { status: 204 }, {}, 'OPTIONS'),
  get('the root', '/', { status: 302 }),
  get('a foreign page elsewhere', '/nothing', { status: 403 }, { origin: 'https://foreign.example' }),
  get('an unknown address', '/nothing', { status: 404 }),
  get('a link without a signature', '/files/rf_x', { status: 403 }),
  get('a DELETE of a file', '/files/rf_x', { status: 405 }, {}, 'DELETE'),
  get('a POST to /health', '/health', { status: 405 }, {}, 'POST'),
  get('a POST to /ready', '/ready', { status: 405 }, {}, 'POST'),
  get('a POST to /metrics', '/metrics', { status: 405 }, {}, 'POST'),
]
