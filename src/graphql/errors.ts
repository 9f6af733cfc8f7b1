import { randomUUID } from 'node:crypto'
import { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import { type TopLevelCode, topLevelCodes, userErrorCodes } from '../error-codes.ts'
import { AuthenticationError, InputError, UserFacingError } from '../errors.ts'
import { isOutage } from '../postgres/outage.ts'
import { currentRequest } from '../request-context.ts'
import { withoutSecrets } from '../secrets.ts'
import { StorageError } from '../storage/storage.ts'
import { isOutputFault, withKnownCode } from './library-errors.ts'

type RefusalOptions = {
  headers?: Record<string, string>
  /** More extensions, for programs. */
  details?: Record<string, unknown>
}

/** An error that the client can act on. Over HTTP the answer has the first status that the table gives the code. */
export function refusal(code: TopLevelCode, message: string, options: RefusalOptions = {}): GraphQLError {
  const { headers, details } = options
  const [status] = topLevelCodes[code].statuses
  const http = { status, ...(headers && { headers }) }
  return new GraphQLError(message, { extensions: { code, ...details, http } })
}

/** An authentication error as clients see it: also the HTTP answer is 401. */
export function unauthenticated({ message }: AuthenticationError): GraphQLError {
  return refusal('UNAUTHENTICATED', message, { headers: { 'WWW-Authenticate': 'Bearer' } })
}

/** @param argument the argument at fault; absent when the message says it */
export function badUserInput(message: string, argument?: string): GraphQLError {
  return refusal('BAD_USER_INPUT', message, { details: { argument } })
}

/**
 * Reads for a query, of which a mistake names the argument at fault. An InputError must not get as far as GraphQL itself,
 * which takes its path for that of the field.
 */
export async function namingArguments<Result>(read: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (error) {
    throw error instanceof InputError ? badUserInput(error.message, error.path[0]) : error
  }
}

/**
 * Decides what a client sees of an error: what it can act on, as it is; of an outage of the database or of the store of
 * files, that it should try again; of anything else an id, under which the log has the whole.
 */
export function createErrorMask(logger: Logger) {
  return (error: unknown): GraphQLError => {
    const original = originalOf(error)
    if (original instanceof GraphQLError && !isOutputFault(error, original)) {
      return withKnownCode(error instanceof GraphQLError ? error : original)
    }
    const { message, extensions } = shownError(original, logger)
    const { nodes, source, positions, path } = error instanceof GraphQLError ? error : {}
    return new GraphQLError(message, { nodes, source, positions, path, extensions })
  }
}

/** The errors of an answer; none of a stream of them, for which Yoga has no other type. */
export function errorsOf(result: unknown): readonly GraphQLError[] {
  return result instanceof Object && 'errors' in result && Array.isArray(result.errors) ? result.errors : []
}

/**
 * Takes keys out of the texts of errors. GraphQL quotes the document and the variables, where a client may have put its key
 * by mistake, and errors end in logs and bug reports.
 */
export function hideSecrets(): Plugin {
  return {
    onResultProcess: ({ result }) => {
      for (const error of errorsOf(result)) {
        const clean = withoutSecrets(error.message)
        if (clean !== error.message) error.message = clean
      }
    },
  }
}

/** What a client sees of an error that is not GraphQL's own; the log has what it does not see. */
function shownError(error: unknown, logger: Logger): GraphQLError {
  if (error instanceof AuthenticationError) return unauthenticated(error)
  if (error instanceof UserFacingError) return refusal(userErrorCodes[error.code].topLevel, error.message)
  const details = { err: error, ...currentRequest() }
  if (error instanceof StorageError) {
    logger.warn(details, 'A request failed, because the store of files did.')
    return unavailable(`The store of files cannot be used at the moment: ${error.reason}. Try again later.`)
  }
  if (isOutage(error)) {
    logger.warn(details, 'A request failed, because the database cannot be reached.')
    return unavailable(
      'The database cannot be reached at the moment. Try again in a second; with an idempotencyKey, what was asked for is not done twice.',
    )
  }
  const errorId = randomUUID()
  logger.error({ ...details, errorId }, 'A request failed by a fault of the gateway.')
  const message = `Something went wrong inside the gateway. Give the error id ${errorId} to support.`
  // By `unexpected` Yoga knows that an answer without data has status 500; it sends it to no one.
  const code: TopLevelCode = 'INTERNAL_SERVER_ERROR'
  return new GraphQLError(message, { extensions: { code, errorId, unexpected: true } })
}

/** Also over HTTP the answer says when to come back. */
function unavailable(message: string): GraphQLError {
  return refusal('UNAVAILABLE', message, { headers: { 'Retry-After': '1' } })
}

function originalOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? originalOf(error.originalError) : error
}
