import { GraphQLError } from 'graphql'
import type { TopLevelCode } from '../error-codes.ts'

/** The maximum size of a request body, in bytes. The default of Yoga is 25 MB. */
export const maxRequestBodySize = 1024 * 1024

/**
 * True when a scalar could not serialize the value of a resolver, which is an internal error. An error for a value from a
 * client has no path, or it already has the nodes of the document.
 */
export function isOutputFault(error: unknown, original: GraphQLError): boolean {
  return (
    error instanceof GraphQLError &&
    error.path !== undefined &&
    original.nodes === undefined &&
    original.extensions.code === undefined
  )
}

/** The same error with a code from the table: GraphQL sets no code for bad values, and Yoga uses one code for several errors. */
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

/** The extensions to replace those of the error; null when its code is in the table. */
function knownExtensions({ extensions: { code, http } }: GraphQLError): KnownExtensions | null {
  if (code === undefined) return { code: 'BAD_USER_INPUT' }
  if (code === 'REQUEST_ENTITY_TOO_LARGE') {
    return { code: 'REQUEST_TOO_LARGE', limit: 'bytes', maximum: maxRequestBodySize, actual: null }
  }
  const isMethod = http instanceof Object && 'status' in http && http.status === 405
  return code === 'BAD_REQUEST' && isMethod ? { code: 'METHOD_NOT_ALLOWED' } : null
}
