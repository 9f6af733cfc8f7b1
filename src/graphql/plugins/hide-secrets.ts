import type { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { withoutSecrets } from '../../secrets.ts'

type Failed = { errors?: readonly GraphQLError[] }

/**
 * Takes keys out of the texts of errors. GraphQL quotes the document and the variables, where a client may have put its key
 * by mistake, and errors end in logs and bug reports.
 */
export function hideSecrets(): Plugin {
  return {
    onResultProcess: ({ result }) => {
      if (!isFailed(result)) return
      for (const error of result.errors ?? []) {
        const clean = withoutSecrets(error.message)
        if (clean !== error.message) error.message = clean
      }
    },
  }
}

function isFailed(result: unknown): result is Failed {
  return result instanceof Object && 'errors' in result
}
