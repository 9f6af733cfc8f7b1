import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  type ParseOptions,
  parse,
  type Source,
} from 'graphql'
import { createLRUCache, type Plugin, type YogaServerOptions } from 'graphql-yoga'
import type { Config, DocumentLimits } from '../../config/config.ts'
import type { TopLevelCode } from '../../error-codes.ts'
import { refusal } from '../errors.ts'
import { type DocumentSize, measureDocument } from './document-cost.ts'

type LimitConfig = Pick<Config, 'documents' | 'introspection'>

type CacheOptions = Exclude<
  YogaServerOptions<object, object>['parserAndValidationCache'],
  boolean | undefined
>

type Limit = keyof DocumentLimits | 'characters'

/** Characters of the longest document that is kept: twice those of GraphiQL's query for the schema, and more. */
const maxCachedCharacters = 10_000

/** Words of documents are shorter in the mean, unless comments and strings are written to be long. */
const charactersPerToken = 50

const wordings: Record<Limit, readonly [what: string, advice: string]> = {
  characters: ['has # characters', 'Send long values as variables, and operations in requests of their own.'],
  tokens: ['has # words and signs', 'Send values as variables, and operations in requests of their own.'],
  depth: ['has # levels of fields', 'Ask for what lies deeper in a request of its own, by its id.'],
  aliases: ['has # aliases and repeated fields', 'Select a field once, and many objects by nodes(ids:).'],
  directives: ['has # directives', 'Leave out what is not needed instead of skipping it.'],
  cost: ['asks for # fields, as far as can be told', 'Ask for smaller pages, or for fewer fields.'],
}

const tooLargeCode: TopLevelCode = 'REQUEST_TOO_LARGE'

const measured = ['depth', 'aliases', 'directives', 'cost'] as const

/**
 * Refuses documents that ask for too much, by one error each, before they are validated or anything is executed. Those
 * that Yoga keeps parsed are measured again each time, since their variables differ.
 */
export function limitDocuments(schema: GraphQLSchema, config: LimitConfig): Plugin {
  return {
    onParse: ({ setParseFn }) => {
      setParseFn((source: string | Source, more?: ParseOptions) =>
        parseWithin(config.documents, source, more),
      )
      return ({ result, context }) => {
        // Thrown, because Yoga takes what the parser gives for a mistake in the syntax, with another HTTP status.
        if (isTooLarge(result)) throw result
        if (!result || result instanceof Error) return
        try {
          // Absent when someone gives Yoga a document without a request.
          checkSize(measureDocument(schema, result, context.params?.variables), config)
        } catch (error) {
          throw error instanceof RangeError ? tooDeep(config.documents.depth) : error
        }
      }
    },
  }
}

/**
 * Keeps documents parsed, but not the long ones, and no mistakes: the cache of Yoga itself keeps 1,024 of each for an
 * hour, whatever their length, so that a client could fill a gigabyte of memory with them.
 */
export function createDocumentCache(): CacheOptions {
  const documents = createLRUCache<DocumentNode>()
  return {
    documentCache: {
      get: (text) => documents.get(text),
      set: (text, document) => {
        if (text.length <= maxCachedCharacters) documents.set(text, document)
      },
    },
    errorCache: { get: () => undefined, set: () => {} },
  }
}

/** @param actual null when reading stopped before it was known */
function tooLarge(limit: Limit, maximum: number, actual: number | null): GraphQLError {
  const [what, advice] = wordings[limit]
  const isKnown = actual !== null && actual < 1e9
  const found = isKnown ? String(actual) : `more than ${actual === null ? maximum : 1e9}`
  const message = `The document ${what.replace('#', found)}; at most ${maximum} are allowed. ${advice}`
  return refuseDocument(message, limit, maximum, isKnown ? actual : null)
}

/** Lists in lists and fragments in fragments are no levels of fields, but have to be within bounds too. */
function tooDeep(maximum: number): GraphQLError {
  const message = `The document is nested too deep to be read; at most ${maximum} levels of fields are allowed. ${wordings.depth[1]}`
  return refuseDocument(message, 'depth', maximum, null)
}

function refuseDocument(message: string, limit: Limit, maximum: number, actual: number | null): GraphQLError {
  return refusal(tooLargeCode, message, { details: { limit, maximum, actual } })
}

function isTooLarge(error: unknown): boolean {
  return error instanceof GraphQLError && error.extensions.code === tooLargeCode
}

/** The parser has no code for it, only words. */
function isOutOfTokens(error: unknown): boolean {
  return error instanceof GraphQLError && error.message.includes('Document contains more than')
}

/** Yoga gives the code itself, but not over WebSocket. */
function unreadable({ message, source, positions }: GraphQLError): GraphQLError {
  const code: TopLevelCode = 'GRAPHQL_PARSE_FAILED'
  return new GraphQLError(message, { source, positions, extensions: { code } })
}

/** @throws GraphQLError when the text has too many characters or tokens, or is no GraphQL */
function parseWithin({ tokens, depth }: DocumentLimits, source: string | Source, options?: ParseOptions) {
  const { length } = typeof source === 'string' ? source : source.body
  const characters = tokens * charactersPerToken
  if (length > characters) throw tooLarge('characters', characters, length)
  try {
    return parse(source, { ...options, maxTokens: tokens })
  } catch (error) {
    if (isOutOfTokens(error)) throw tooLarge('tokens', tokens, null)
    // The parser's stack is full.
    if (error instanceof RangeError) throw tooDeep(depth)
    throw error instanceof GraphQLError ? unreadable(error) : error
  }
}

function checkSize(size: DocumentSize, { documents: limits, introspection }: LimitConfig): void {
  for (const limit of measured) {
    if (size[limit] > limits[limit]) throw tooLarge(limit, limits[limit], size[limit])
  }
  if (size.hasIntrospection && !introspection) {
    const message =
      'The schema cannot be read from this gateway: its operator has switched introspection off.'
    throw refusal('INTROSPECTION_DISABLED', message)
  }
}
