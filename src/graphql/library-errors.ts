import { GraphQLError } from 'graphql'
import type { TopLevelCode } from '../error-codes.ts'

/** Largest body of a request, in bytes; Yoga's own limit is 25 MB. */
export const maxRequestBodySize = 1024 * 1024

/**
 * True when a scalar could not write what a resolver gave it, which is a fault of the gateway. The error of a value that a
 * client gave has no path, or names the place in the document itself.
 */
export function isOutputFault(error: unknown, original: GraphQLError): boolean {
  return (
    error instanceof GraphQLError &&
    error.path !== undefined &&
    original.nodes === undefined &&
    original.extensions.code === undefined
  )
}

/** The same error with a code of the table: GraphQL gives none to values, and Yoga uses one code for several mistakes. */
export function withKnownCode(error: GraphQLError): GraphQLError {
  const extensions = knownExtensions(error)
  if (!extensions) return error
  const { message, nodes, source, positions, path } = error
  return new GraphQLError(message, {
    nodes,
    source,
    positions,
    path,
    extensions: { ...error.extensions, ...extensions },
  })
}

type KnownExtensions = { code: TopLevelCode } & Record<string, unknown>

/** What to put in place of the error's own code; null when that is in the table already. */
function knownExtensions({ extensions: { code, http } }: GraphQLError): KnownExtensions | null {
  if (code === undefined) return { code: 'BAD_USER_INPUT' }
  if (code === 'REQUEST_ENTITY_TOO_LARGE') {
    return { code: 'REQUEST_TOO_LARGE', limit: 'bytes', maximum: maxRequestBodySize, actual: null }
  }
  const isMethod = http instanceof Object && 'status' in http && http.status === 405
  return code === 'BAD_REQUEST' && isMethod ? { code: 'METHOD_NOT_ALLOWED' } : null
}
