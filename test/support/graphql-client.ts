import { createClient as createSseClient } from 'graphql-sse'
import { createClient as createSocketClient } from 'graphql-ws'

export type GraphqlResult<Data> = {
  data?: Data | null
  errors?: { message: string; path?: (string | number)[]; extensions?: Record<string, unknown> }[]
}

export type Variables = Record<string, unknown>

export type GraphqlClient = {
  /** The answer as it is, errors included, with the HTTP status. */
  execute<Data>(query: string, variables?: Variables): Promise<GraphqlResult<Data> & { status: number }>
  /** The data; fails with query and answer when there were errors. */
  request<Data>(query: string, variables?: Variables): Promise<Data>
  /**
   * A subscription over WebSocket; every state it gives, until it completes. Breaking out of the loop closes it, and so
   * does the signal, also while nothing comes.
   */
  subscribe<Data>(
    query: string,
    variables?: Variables,
    signal?: AbortSignal,
  ): AsyncGenerator<GraphqlResult<Data>>
  /** The same over SSE. */
  subscribeSse<Data>(
    query: string,
    variables?: Variables,
    signal?: AbortSignal,
  ): AsyncGenerator<GraphqlResult<Data>>
}

/** A client for tests, made of libraries that know nothing of this gateway. */
export function createGraphqlClient(url: string, key: string | null): GraphqlClient {
  const endpoint = `${url}/graphql`
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }

  const execute: GraphqlClient['execute'] = async (query, variables = {}) => {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    })
    return { status: response.status, ...(await response.json()) }
  }

  return {
    execute,
    request: async <Data>(query: string, variables?: Variables): Promise<Data> => {
      const { data, errors } = await execute<Data>(query, variables)
      if (errors || !data) {
        throw new Error(
          `${query}\n${JSON.stringify(variables)}\nwas answered by\n${JSON.stringify(errors, null, 2)}`,
        )
      }
      return data
    },
    subscribe: async function* <Data>(query: string, variables: Variables = {}, signal?: AbortSignal) {
      const client = createSocketClient({
        url: endpoint.replace('http', 'ws'),
        connectionParams: headers,
        retryAttempts: 0,
      })
      signal?.addEventListener('abort', client.terminate, { once: true })
      try {
        // The library cannot know the type of the data.
        yield* client.iterate({ query, variables }) as AsyncIterable<GraphqlResult<Data>>
      } finally {
        await client.dispose()
      }
    },
    subscribeSse: async function* <Data>(query: string, variables: Variables = {}, signal?: AbortSignal) {
      const client = createSseClient({ url: endpoint, headers, retryAttempts: 0 })
      signal?.addEventListener('abort', client.dispose, { once: true })
      try {
        // The library cannot know the type of the data.
        yield* client.iterate({ query, variables }) as AsyncIterable<GraphqlResult<Data>>
      } finally {
        client.dispose()
      }
    },
  }
}
