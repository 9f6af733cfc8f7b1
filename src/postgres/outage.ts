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
 * The SQLSTATEs for the same: connection exceptions, shutdowns and startups, limits of time that end a session (25P03,
 * 25P04, 57P05), and a server that cannot work at the moment: it is read-only (25006), has no disk space, memory or
 * connection left (53100, 53200, 53300), gives no lock in time (55P03), or cannot read its disk (58030). Not all of class 57:
 * a canceled statement (57014) says nothing about the server.
 */
const sqlState = /^(08\w{3}|25006|25P03|25P04|53[123]00|55P03|57P0[1-5]|58030)$/

/** SQLSTATE read_only_sql_transaction. */
export const readOnlyState = '25006'

/** The SQLSTATE of too many connections, of the server or of the login. */
const noConnection = '53300'

/** Messages of the errors that `pg` and its pool throw without a code. */
const messages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable|Cannot use a pool after calling end|Server has closed the connection)/

/** Messages of `pg`'s pool and of PgBouncer. */
const shortageMessages =
  /^(timeout exceeded when trying to connect|no more connections allowed|query_wait_timeout)/

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
 * True when no connection is free at the moment: the pool of this process, the login, the server or a pooler in front of it
 * has none left. The operation has had no effect, and it can be tried again.
 */
export function isShortage(error: unknown): boolean {
  const found = findCause(error, (one) => {
    const fields: { code?: unknown; originalCode?: unknown; message?: unknown } = one
    return (
      fields.code === noConnection ||
      fields.originalCode === noConnection ||
      shortageMessages.test(String(fields.message))
    )
  })
  return found !== null
}

/** What is wrong with the database during an outage, as a sentence for clients. */
export function describeOutage(error: unknown): string {
  const has = (state: string): boolean =>
    findCause(error, (one) => Object.values(one).includes(state)) !== null
  if (has(readOnlyState)) return 'The database is read-only.'
  if (has('53100')) return 'The database has no disk space left.'
  if (findCongestion(error)) return 'The database is overloaded or does not answer.'
  return isShortage(error) ? 'The database has no free connection.' : 'The database cannot be reached.'
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
