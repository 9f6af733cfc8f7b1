import type { UserErrorCode } from './error-codes.ts'

/**
 * A mistake that the caller can correct. The API shows the message unchanged, as `userErrors` over GraphQL. `path`
 * names the invalid input relative to the command's input (a parameter name, for example); each interface adds its own
 * prefix.
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

/** A value that is not accepted. `allowed` lists the accepted values when there are few, and is null otherwise. */
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

/** The object does not exist in the viewer's account and mode. */
export class NotFoundError extends UserFacingError {
  readonly code = 'NOT_FOUND'
}

/** The report type requires live data and the key is a test key. */
export class LiveModeRequiredError extends UserFacingError {
  readonly code = 'LIVE_MODE_REQUIRED'
}

/** The run's status does not allow the operation. */
export class WrongStatusError extends UserFacingError {
  readonly code = 'WRONG_STATUS'
  readonly runId: string

  constructor(message: string, runId: string) {
    super(message, ['id'])
    this.runId = runId
  }
}

/** The idempotency key was already used for another request. */
export class IdempotencyError extends UserFacingError {
  readonly code = 'IDEMPOTENCY_CONFLICT'
  /** The run that was created with that key. */
  readonly runId: string

  constructor(message: string, runId: string) {
    super(message, ['idempotencyKey'])
    this.runId = runId
  }
}

/** A limit was reached. The request can succeed after `retryAfter`. */
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

/**
 * A request waited too long for its turn: because its account has too many other requests (`crowded`), or because the
 * resource served no request (`stalled`). The same request can succeed later.
 */
export class CongestionError extends Error {
  override readonly name = 'CongestionError'
  readonly reason: 'crowded' | 'stalled'
  /** How long to wait before the next attempt, in seconds. */
  readonly retryAfter: number

  constructor(reason: CongestionError['reason'], retryAfter: number) {
    super(`The request was ${reason} for too long.`)
    this.reason = reason
    this.retryAfter = retryAfter
  }
}

/** The request has credentials that are not valid. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError'
}

/** The process cannot start as configured; the message says what to change. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

/** The code of an error of Node or of a library, such as ENOENT; empty when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
