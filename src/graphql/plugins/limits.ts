import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  type ParseOptions,
  parse,
  type Source,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Config, DocumentLimits } from '../../config/config.ts'
import type { TopLevelCode } from '../../error-codes.ts'
import { refusal } from '../errors.ts'
import type { DocumentSize, RawVariables } from './document-cost.ts'
import { createDocumentMeter } from './document-meter.ts'

type LimitConfig = Pick<Config, 'documents' | 'introspection'>

type Limit = keyof DocumentLimits | 'characters'

/** The maximum mean length of tokens. Tokens are shorter unless a document has long comments and strings. */
const charactersPerToken = 50

const wordings: Record<Limit, readonly [what: string, advice: string]> = {
  characters: [
    'has # characters',
    'Send long values as variables, and each operation in a separate request.',
  ],
  tokens: ['has # tokens', 'Send values as variables, and each operation in a separate request.'],
  depth: ['has # levels of fields', 'Request deeper objects in a separate request, by ID.'],
  aliases: [
    'has # aliases and repeated fields',
    'Select a field once, and select many objects with nodes(ids:).',
  ],
  directives: ['has # directives', 'Remove unneeded fields instead of skipping them.'],
  cost: ['has an estimated cost of # fields', 'Request smaller pages or fewer fields.'],
}

const tooLargeCode: TopLevelCode = 'REQUEST_TOO_LARGE'

const measured = ['depth', 'aliases', 'directives', 'cost'] as const

/** Throws a GraphQLError when a document exceeds a limit with its variables. */
export type SizeCheck = (document: DocumentNode, variables: RawVariables) => void

export function createSizeCheck(schema: GraphQLSchema, config: LimitConfig): SizeCheck {
  const measure = createDocumentMeter(schema)
  return (document, variables) => {
    try {
      checkSize(measure(document, variables), config)
    } catch (error) {
      throw error instanceof RangeError ? tooDeep(config.documents.depth) : error
    }
  }
}

/**
 * Rejects documents that exceed a limit, with one error each, before validation and execution. A document from Yoga's cache
 * is checked again each time, because its variables differ.
 */
export function limitDocuments(limits: DocumentLimits, check: SizeCheck): Plugin {
  return {
    onParse: ({ setParseFn }) => {
      setParseFn((source: string | Source, more?: ParseOptions) => parseWithin(limits, source, more))
      return ({ result, context }) => {
        // Thrown, because Yoga treats an error that the parser returns as a syntax error, with another HTTP status.
        if (isTooLarge(result)) throw result
        if (!result || result instanceof Error) return
        // `params` is undefined when Yoga executes a document without a request.
        check(result, context.params?.variables)
      }
    },
  }
}

/**
 * The error for a document that exceeds a limit.
 *
 * @param actual null when reading stopped before the size was known
 */
function tooLarge(limit: Limit, maximum: number, actual: number | null): GraphQLError {
  const [what, advice] = wordings[limit]
  const isKnown = actual !== null && actual < 1e9
  const found = isKnown ? String(actual) : `more than ${actual === null ? maximum : 1e9}`
  const message = `The document ${what.replace('#', found)}; at most ${maximum} are allowed. ${advice}`
  return refuseDocument(message, limit, maximum, isKnown ? actual : null)
}

/** Nested lists and nested fragments are not levels of fields, but their depth must be limited, too. */
function tooDeep(maximum: number): GraphQLError {
  const message = `The document is nested too deeply; at most ${maximum} levels of fields are allowed. ${wordings.depth[1]}`
  return refuseDocument(message, 'depth', maximum, null)
}

function refuseDocument(message: string, limit: Limit, maximum: number, actual: number | null): GraphQLError {
  return refusal(tooLargeCode, message, { details: { limit, maximum, actual } })
}

function isTooLarge(error: unknown): boolean {
  return error instanceof GraphQLError && error.extensions.code === tooLargeCode
}

/** The parser has no error code for it, only a message. */
function isOutOfTokens(error: unknown): boolean {
  return error instanceof GraphQLError && error.message.includes('Document contains more than')
}

/** A syntax error with its code, which Yoga sets over HTTP but not over WebSocket. */
function syntaxError({ message, source, positions }: GraphQLError): GraphQLError {
  const code: TopLevelCode = 'GRAPHQL_PARSE_FAILED'
  return new GraphQLError(message, { source, positions, extensions: { code } })
}

/** @throws GraphQLError when the text has too many characters or tokens, or is not valid GraphQL */
function parseWithin({ tokens, depth }: DocumentLimits, source: string | Source, options?: ParseOptions) {
  const { length } = typeof source === 'string' ? source : source.body
  const characters = tokens * charactersPerToken
  if (length > characters) throw tooLarge('characters', characters, length)
  try {
    return parse(source, { ...options, maxTokens: tokens })
  } catch (error) {
    if (isOutOfTokens(error)) throw tooLarge('tokens', tokens, null)
    // The parser overflowed the stack.
    if (error instanceof RangeError) throw tooDeep(depth)
    throw error instanceof GraphQLError ? syntaxError(error) : error
  }
}

function checkSize(size: DocumentSize, { documents: limits, introspection }: LimitConfig): void {
  for (const limit of measured) {
    if (size[limit] > limits[limit]) throw tooLarge(limit, limits[limit], size[limit])
  }
  if (size.hasIntrospection && !introspection) {
    const message =
      'Introspection is disabled on this gateway. Use schema.graphql, or ask the operator to enable it.'
    throw refusal('INTROSPECTION_DISABLED', message)
  }
}
