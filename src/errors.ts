import type { UserErrorCode } from './error-codes.ts'

/**
 * A mistake that the caller can mend: shown as it is, as `userErrors` over GraphQL. `path` names the input at fault from the
 * command's own point of view (a parameter name, say); each face puts its own prefix before it.
 */
export abstract class UserFacingError extends Error {
  abstract readonly code: UserErrorCode
  readonly path: readonly string[]

  constructor(message: string, path: readonly string[] = []) {
    super(message)
    this.name = new.target.name
    this.path = path
  }
}

/** A value that is not accepted. `allowed` lists what would be, when that is a short list. */
export class InputError extends UserFacingError {
  readonly code = 'INVALID_VALUE'
  readonly allowed: readonly string[] | null

  constructor(message: string, path: readonly string[], allowed: readonly string[] | null = null) {
    super(message, path)
    this.allowed = allowed
  }
}

/** Several mistakes in one request, reported together. */
export class InputErrors extends Error {
  readonly errors: readonly InputError[]

  constructor(errors: readonly InputError[]) {
    super(errors.map((error) => error.message).join(' '))
    this.name = 'InputErrors'
    this.errors = errors
  }
}

/** No such object in the viewer's account and mode. */
export class NotFoundError extends UserFacingError {
  readonly code = 'NOT_FOUND'
}

/** The report type runs on live data only and the key is a test key. */
export class LiveModeRequiredError extends UserFacingError {
  readonly code = 'LIVE_MODE_REQUIRED'
}

/** The run's status does not allow it. */
export class WrongStatusError extends UserFacingError {
  readonly code = 'WRONG_STATUS'
  readonly runId: string

  constructor(message: string, runId: string) {
    super(message, ['id'])
    this.runId = runId
  }
}

/** The idempotency key was used with another request. */
export class IdempotencyError extends UserFacingError {
  readonly code = 'IDEMPOTENCY_CONFLICT'
  /** The run that was made with that key. */
  readonly runId: string

  constructor(message: string, runId: string) {
    super(message, ['idempotencyKey'])
    this.runId = runId
  }
}

/** A limit was met that passes with time. */
export class LimitError extends UserFacingError {
  readonly code = 'LIMIT_REACHED'
  readonly limit: number
  readonly retryAfter: Date

  constructor(message: string, limit: number, retryAfter: Date) {
    super(message)
    this.limit = limit
    this.retryAfter = retryAfter
  }
}

/** The credentials were given and are not good. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError'
}

/** The process cannot start as configured; the message says what to change. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}
