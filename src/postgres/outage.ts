import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { CongestionError } from '../errors.ts'

/** Node's error codes for a server that cannot be reached or disappeared. */
const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** Prisma's error codes for the same, and the error kinds of its adapter. */
const prismaCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028'])
const adapterKinds = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
])

/**
 * The SQLSTATEs for the same: connection exceptions, shutdowns and startups, no connection left (53300), and a transaction
 * that a paused process left open too long (25P03). Not all of class 57: a canceled statement (57014) says nothing about
 * the server.
 */
const sqlState = /^(08\w{3}|25P03|57P0[1-5]|53300)$/

/** Messages of the errors that `pg` and its pool throw without a code. */
const messages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable|Cannot use a pool after calling end|Server has closed the connection)/

const maxDepth = 8
const retryMilliseconds = 500

export type RetryOptions = {
  signal: AbortSignal
  logger: Logger
  failureMessage: string
  /** Whether an error allows another attempt. @default isOutage */
  isTransient?: (error: unknown) => boolean
  /** True to make one more attempt after the signal has aborted, and to fail as that one does. @default false */
  triesOnceMore?: boolean
}

/**
 * True for a failure of the connection to Postgres: the server cannot be reached, restarts or does not answer, or the
 * request waited too long for a connection. The operation can be tried again; whether it took effect is unknown.
 */
export function isOutage(error: unknown): boolean {
  return findCause(error, isOutageItself) !== null
}

/** The error that a request waited too long for a connection, from the causes of an error; null when there is none. */
export function findCongestion(error: unknown): CongestionError | null {
  const found = findCause(error, (cause) => cause instanceof CongestionError)
  return found instanceof CongestionError ? found : null
}

/**
 * Tries an operation until Postgres can be reached.
 *
 * @param attempt can be called several times, even when an earlier call succeeded and only its response was lost
 * @throws any error that is not transient; the signal's reason when it aborts, unless `triesOnceMore`
 */
export async function retryDuringOutage<Result>(
  attempt: () => Promise<Result>,
  { signal, logger, failureMessage, isTransient = isOutage, triesOnceMore = false }: RetryOptions,
): Promise<Result> {
  let isLogged = false
  while (true) {
    const isLast = signal.aborted
    if (!triesOnceMore) signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (!triesOnceMore) signal.throwIfAborted()
      if (isLast || !isTransient(error)) throw error
      if (!isLogged) logger.warn({ err: error }, `${failureMessage} Trying again.`)
      isLogged = true
      await delay(retryMilliseconds, undefined, { signal }).catch(() => {})
    }
  }
}

function isOutageCode(code: unknown): boolean {
  return typeof code === 'string' && (socketCodes.has(code) || prismaCodes.has(code) || sqlState.test(code))
}

/** The first of an error and its causes that matches; null when there is none. */
function findCause(error: unknown, matches: (cause: object) => boolean, depth = 0): object | null {
  if (!(error instanceof Object) || depth >= maxDepth) return null
  if (matches(error)) return error
  for (const cause of causesOf(error)) {
    const found = findCause(cause, matches, depth + 1)
    if (found) return found
  }
  return null
}

function isOutageItself(error: object): boolean {
  return (
    error instanceof CongestionError ||
    ('code' in error && isOutageCode(error.code)) ||
    // The adapter's form, in a `cause` that is not an Error.
    ('originalCode' in error && isOutageCode(error.originalCode)) ||
    ('kind' in error && typeof error.kind === 'string' && adapterKinds.has(error.kind)) ||
    ('message' in error && typeof error.message === 'string' && messages.test(error.message))
  )
}

/** The errors that caused this one, from the properties that JavaScript and Prisma use. */
function causesOf(error: object): unknown[] {
  return [
    ...('cause' in error ? [error.cause] : []),
    ...('errors' in error && Array.isArray(error.errors) ? error.errors : []),
    ...('meta' in error && error.meta instanceof Object && 'driverAdapterError' in error.meta
      ? [error.meta.driverAdapterError]
      : []),
  ]
}
