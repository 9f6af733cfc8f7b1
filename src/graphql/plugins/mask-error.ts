import { randomUUID } from 'node:crypto'
import { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import { AuthenticationError, UserFacingError } from '../../errors.ts'
import { isOutage } from '../../postgres/outage.ts'
import { currentRequest } from '../../request-context.ts'
import { StorageError } from '../../storage/storage.ts'

/** An authentication error as clients see it: also the HTTP answer is 401. */
export function unauthenticated(error: AuthenticationError): GraphQLError {
  return new GraphQLError(error.message, {
    extensions: { code: 'UNAUTHENTICATED', http: { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } } },
  })
}

/** Also over HTTP the answer says when to come back. */
const unavailable = {
  code: 'UNAVAILABLE',
  http: { status: 503, headers: { 'Retry-After': '1' } },
}

/**
 * Decides what a client sees of an error: what it can act on, as it is; of an outage of the database or of the store of
 * files, that it should try again; of anything else an id, under which the log has the whole.
 */
export function createErrorMask(logger: Logger) {
  return (error: unknown): GraphQLError => {
    const original = originalOf(error)
    if (original instanceof GraphQLError) return error instanceof GraphQLError ? error : original
    if (original instanceof AuthenticationError) {
      return withPlace(original.message, error, { ...unauthenticated(original).extensions })
    }
    if (original instanceof UserFacingError)
      return withPlace(original.message, error, { code: original.code })
    if (original instanceof StorageError) {
      logger.warn({ err: original, ...currentRequest() }, 'A request failed, because the store of files did.')
      const message = `The store of files cannot be used at the moment: ${original.reason}. Try again later.`
      return withPlace(message, error, { ...unavailable })
    }
    if (isOutage(original)) {
      logger.warn(
        { err: original, ...currentRequest() },
        'A request failed, because the database cannot be reached.',
      )
      const message =
        'The database cannot be reached at the moment. Try again in a second; with an idempotencyKey, what was asked for is not done twice.'
      return withPlace(message, error, { ...unavailable })
    }
    const errorId = randomUUID()
    logger.error(
      { err: original, errorId, ...currentRequest() },
      'A request failed by a fault of the gateway.',
    )
    const message = `Something went wrong inside the gateway. Give the error id ${errorId} to support.`
    // By `unexpected` Yoga knows that an answer without data has status 500; it sends it to no one.
    return withPlace(message, error, { code: 'INTERNAL_SERVER_ERROR', errorId, unexpected: true })
  }
}

function originalOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? originalOf(error.originalError) : error
}

function withPlace(message: string, error: unknown, extensions: Record<string, unknown>): GraphQLError {
  const place =
    error instanceof GraphQLError
      ? { nodes: error.nodes, source: error.source, positions: error.positions, path: error.path }
      : {}
  return new GraphQLError(message, { ...place, extensions })
}
