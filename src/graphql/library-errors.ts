import { GraphQLError, Kind } from 'graphql'
import { type TopLevelCode, topLevelCodes } from '../error-codes.ts'
import { withoutSecrets } from '../secrets.ts'

/** The maximum size of a request body, in bytes. The default of Yoga is 25 MB. */
export const maxRequestBodySize = 1024 * 1024

/** The maximum length of an error message, in characters. Libraries quote values, which can be as long as a request. */
const maxMessageLength = 2_000

/** The part of a message that is searched for secrets, in characters: longer than what remains of it, so that none is cut. */
const maxSearchedLength = 20_000

/**
 * The members of `extensions` that a client receives, in addition to `code`. Yoga adds others, such as an `originalError`
 * that quotes the request body.
 */
const ownMembers = ['argument', 'limit', 'maximum', 'actual', 'errorId'] as const

/** More members of `extensions` of an error. */
export type ErrorDetails = { [Member in (typeof ownMembers)[number]]?: unknown }

/**
 * The code of the error in the table; null for an error that is a fault of the gateway.
 *
 * @param original the innermost `originalError`, or the error itself
 */
export function knownCode(error: GraphQLError, original: unknown): TopLevelCode | null {
  const { code, http, errorId } = error.extensions
  if (code === undefined) return isOfClient(error, original) ? 'BAD_USER_INPUT' : null
  if (code === 'REQUEST_ENTITY_TOO_LARGE') return 'REQUEST_TOO_LARGE'
  if (code === 'BAD_REQUEST' && http?.status === 405) return 'METHOD_NOT_ALLOWED'
  // An internal error without an ID is not one of the gateway's own.
  if (code === 'INTERNAL_SERVER_ERROR' && errorId === undefined) return null
  return isTopLevelCode(code) ? code : null
}

/** True for a code from the table. */
export function isTopLevelCode(code: unknown): code is TopLevelCode {
  return typeof code === 'string' && Object.hasOwn(topLevelCodes, code)
}

/**
 * The same error as a client receives it: with the code, with no other extensions than the gateway's own, and with a
 * message without secrets and of limited length. `extensions.http`, which Yoga does not send, stays.
 */
export function withCode(error: GraphQLError, code: TopLevelCode): GraphQLError {
  const { message, nodes, source, positions, path, extensions: given } = error
  const limit = given.code === 'REQUEST_ENTITY_TOO_LARGE' ? bodyLimit : {}
  const members = [...ownMembers, 'http'].filter((member) => member in given)
  const kept = Object.fromEntries(members.map((member) => [member, given[member]]))
  return new GraphQLError(shown(message), {
    nodes,
    source,
    positions,
    path,
    extensions: { code, ...limit, ...kept },
  })
}

const bodyLimit: ErrorDetails = { limit: 'bytes', maximum: maxRequestBodySize, actual: null }

/**
 * True when an error without a code is about a value from the client. GraphQL sets no code for the values of variables and
 * arguments, nor for faults of the schema and the resolvers. An error about a value has the node of the value or of the
 * variable. A fault has the node of the field or the operation, or none when a scalar cannot serialize the value of a
 * resolver; an error about a variable can have no node either, but then it has no path.
 */
function isOfClient(error: GraphQLError, original: unknown): boolean {
  const isGraphql = original instanceof GraphQLError
  const [node] = (isGraphql ? original : error).nodes ?? []
  if (node) return node.kind !== Kind.FIELD && node.kind !== Kind.OPERATION_DEFINITION
  return isGraphql && error.path === undefined
}

/** A long message without its long quoted values and without its middle. The reason is next to the values or at the end. */
function shown(message: string): string {
  const short = message.length > maxMessageLength ? message.replace(/"([^"]{300,})"/g, beginning) : message
  return withoutMiddle(withoutSecrets(withoutMiddle(short, maxSearchedLength)), maxMessageLength)
}

/** The first words of a quoted value: a part of a word could be a part of a secret. */
function beginning(_quoted: string, value: string): string {
  return `"${value.slice(0, 100).replace(/[\w-]+$/, '')}…"`
}

function withoutMiddle(text: string, maximum: number): string {
  if (text.length <= maximum) return text
  const half = Math.floor((maximum - 3) / 2)
  return `${text.slice(0, half)} … ${text.slice(-half)}`
}
