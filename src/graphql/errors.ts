import { randomUUID } from 'node:crypto'
import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { Logger } from 'pino'
import { type TopLevelCode, userErrorCodes } from '../error-codes.ts'
import { AuthenticationError, InputError, UserFacingError } from '../errors.ts'
import { describeOutage, findCongestion, isOutage } from '../postgres/outage.ts'
import { currentRequest } from '../request-context.ts'
import { StorageError } from '../storage/storage.ts'
import { type ErrorDetails, knownCode, withCode } from './library-errors.ts'

/** Failures with a longer pause between them belong to different outages. It is longer than clients wait. */
const outageGapMilliseconds = 45_000

type RefusalOptions = {
  headers?: Record<string, string>
  details?: ErrorDetails
}

/** An error with a code from the table, which also contains the HTTP status. */
export function refusal(code: TopLevelCode, message: string, options: RefusalOptions = {}): GraphQLError {
  const { headers, details } = options
  return new GraphQLError(message, {
    extensions: { code, ...details, ...(headers && { http: { headers } }) },
  })
}

/** An authentication error as clients see it. */
export function unauthenticated({ message }: AuthenticationError): GraphQLError {
  return refusal('UNAUTHENTICATED', message, { headers: { 'WWW-Authenticate': 'Bearer' } })
}

/**
 * An error for an argument that is not valid.
 *
 * @param argument the name of the argument; omitted when only the message names it
 */
export function badUserInput(message: string, argument?: string): GraphQLError {
  return refusal('BAD_USER_INPUT', message, { details: { argument } })
}

/**
 * Runs `read` and turns an InputError into an error that names the argument at fault. An InputError must not reach
 * GraphQL, which uses the `path` of a thrown error as the path of the field.
 */
export async function namingArguments<Result>(read: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (error) {
    throw error instanceof InputError ? badUserInput(error.message, error.path[0]) : error
  }
}

/**
 * Creates the function that decides what a client sees of an error. Errors that the client can act on keep their message
 * and code. An outage of the database or of the file store becomes UNAVAILABLE. For any other error, the client receives an
 * ID, under which the log contains the error. An error that the function has returned can pass it again.
 */
export function createErrorMask(logger: Logger) {
  const secondsToWait = createRetryTime()
  return (error: unknown): GraphQLError => {
    const original = originalOf(error)
    const code = error instanceof GraphQLError ? knownCode(error, original) : null
    if (error instanceof GraphQLError && code) return withCode(error, code)
    const { message, extensions } = maskedError(original, logger, secondsToWait)
    const { nodes, source, positions, path } = error instanceof GraphQLError ? error : {}
    return new GraphQLError(message, { nodes, source, positions, path, extensions })
  }
}

/** An error as it is sent, without the extension for Yoga. */
export function formatError(error: GraphQLError): GraphQLFormattedError {
  const { http, ...extensions } = error.extensions
  return { ...error.toJSON(), extensions }
}

/** The errors of a result; none for a stream of results, which Yoga passes with the same type. */
export function errorsOf(result: unknown): readonly GraphQLError[] {
  return result instanceof Object && 'errors' in result && Array.isArray(result.errors) ? result.errors : []
}

/** What a client sees of an error without a code from the table. The hidden details are logged. */
function maskedError(error: unknown, logger: Logger, secondsToWait: () => number): GraphQLError {
  if (error instanceof AuthenticationError) return unauthenticated(error)
  if (error instanceof UserFacingError) return refusal(userErrorCodes[error.code].topLevel, error.message)
  const details = { err: error, ...currentRequest() }
  if (error instanceof StorageError) {
    logger.warn(details, 'A request failed because the file store failed.')
    return unavailable(`The file store is not available: ${error.reason}. Try again later.`, secondsToWait())
  }
  const congestion = findCongestion(error)
  if (congestion?.reason === 'crowded') {
    logger.warn(details, 'A request failed because its account has too many requests.')
    return tooManyRequests(congestion.retryAfter)
  }
  if (isOutage(error)) {
    const seconds = Math.max(secondsToWait(), congestion?.retryAfter ?? 0)
    logger.warn(details, 'A request failed because the database is unavailable.')
    return unavailable(`${describeOutage(error)} ${tryAgain(seconds)}`, seconds)
  }
  const errorId = randomUUID()
  logger.error({ ...details, errorId }, 'A request failed because of an internal error.')
  const message = `Internal error of the gateway. Give the error ID ${errorId} to support.`
  return refusal('INTERNAL_SERVER_ERROR', message, { details: { errorId } })
}

/** An error for an outage, with the header Retry-After. */
function unavailable(message: string, seconds: number): GraphQLError {
  return refusal('UNAVAILABLE', message, { headers: { 'Retry-After': String(seconds) } })
}

function tooManyRequests(seconds: number): GraphQLError {
  const message = `The account has too many requests in progress, so this request was not served. ${tryAgain(seconds)} Send fewer requests at once, and fewer lists in one document.`
  return refusal('LIMIT_REACHED', message, { headers: { 'Retry-After': String(seconds) } })
}

function tryAgain(seconds: number): string {
  const time = seconds === 1 ? 'a second' : `${seconds} seconds`
  return `Try again in ${time}; with an idempotencyKey, a repeated mutation has no second effect.`
}

/**
 * Creates a function that is called for each failure of an outage and returns when to try again, in seconds: a quarter of
 * the time since the first failure, from 1 to 30. So clients do not slow down a database that recovers.
 */
function createRetryTime(): () => number {
  let first = 0
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - last > outageGapMilliseconds) first = now
    last = now
    return Math.min(30, Math.max(1, Math.ceil((now - first) / 4_000)))
  }
}

function originalOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? originalOf(error.originalError) : error
}
