import type { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { refusal } from '../errors.ts'

type Params = { query?: string | undefined; extensions?: object | null | undefined }

/** Rejects persisted queries in the words that clients expect: they then send the document. */
export function refusePersistedQueries(): Plugin {
  return {
    onParams: ({ params }) => {
      if (isPersistedQuery(params)) throw persistedQueryNotSupported()
    },
  }
}

/** True for an operation with only the hash of its document. */
export function isPersistedQuery({ query, extensions }: Params): boolean {
  return !query && extensions instanceof Object && 'persistedQuery' in extensions
}

/** Apollo Client and urql compare the message. */
export function persistedQueryNotSupported(): GraphQLError {
  return refusal('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported')
}
