import type { TadaDocumentNode } from 'gql.tada'
import { print } from 'graphql'
import { ClientError, KeyRefusedError, UnreachableError } from './client-error.ts'

export type GatewayAddress = {
  /** `http://HOST:PORT`, without a trailing slash. */
  url: string
  /** API key. It goes into headers and `connectionParams`, never into an address. */
  key: string
}

export type GraphqlError = { message: string; extensions?: Record<string, unknown> | undefined }
type GraphqlAnswer<Data> = { data?: Data | null; errors?: readonly GraphqlError[] }

/** Maximum wait for an answer. Every field of the schema answers fast, because reports run in the background. */
const timeoutMilliseconds = 30_000

/** Statuses of proxies, and of a gateway that is still starting. */
const transientStatuses = new Set([502, 503, 504])

export function authorization({ key }: GatewayAddress): { authorization: string } {
  return { authorization: `Bearer ${key}` }
}

/** Combines GraphQL errors into one: a wrong key, a malformed document, or an internal error of the gateway. */
export function toClientError(errors: readonly GraphqlError[]): ClientError {
  const message = errors.map((error) => error.message).join('\n')
  const isRefused = errors.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED')
  return isRefused ? new KeyRefusedError(message) : new ClientError(message)
}

/**
 * Sends a query or a mutation.
 *
 * @throws UnreachableError when the gateway does not answer
 * @throws KeyRefusedError when the key is not valid
 * @throws ClientError with the answer's `errors`, or when the answer is not GraphQL
 */
export async function requestGraphql<Data, Variables>(
  gateway: GatewayAddress,
  document: TadaDocumentNode<Data, Variables>,
  variables: Variables,
  signal: AbortSignal | null = null,
): Promise<Data> {
  const response = await post(gateway, JSON.stringify({ query: print(document), variables }), signal)
  let answer: GraphqlAnswer<Data>
  try {
    // A cast, because the schema and the query determine the form of the answer.
    answer = (await response.json()) as GraphqlAnswer<Data>
  } catch (cause) {
    const message = `${gateway.url}/graphql answered ${response.status} without JSON. It may not be a Report Gateway: check the address.`
    throw new ClientError(message, { cause })
  }
  if (answer.errors) throw toClientError(answer.errors)
  if (!answer.data) throw new ClientError(`${gateway.url}/graphql answered without data.`)
  return answer.data
}

/** The cause, such as `ECONNREFUSED`; the message of fetch itself is only "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return 'code' in cause ? String(cause.code) : cause.message
}

async function post(gateway: GatewayAddress, body: string, signal: AbortSignal | null): Promise<Response> {
  const timeout = AbortSignal.timeout(timeoutMilliseconds)
  try {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: {
        ...authorization(gateway),
        accept: 'application/graphql-response+json, application/json;q=0.9',
        'content-type': 'application/json',
      },
      body,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
    if (!transientStatuses.has(response.status)) return response
    const sentence = (await response.text()).trim().slice(0, 300)
    throw new UnreachableError(`${gateway.url} answered ${response.status}: ${sentence}`)
  } catch (error) {
    if (signal?.aborted || error instanceof UnreachableError) throw error
    throw new UnreachableError(`No gateway answers at ${gateway.url}: ${reasonOf(error)}.`, { cause: error })
  }
}
