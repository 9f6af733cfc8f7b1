import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'

/** As Node says that a server cannot be reached, or went away. */
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

/** As Prisma says the same, in errors of its own and as kinds of its adapter's. */
const prismaCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028'])
const adapterKinds = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
])

/**
 * As Postgres says it: connection exceptions, shutdowns and starts, no connection left (53300), and a transaction that
 * was left open too long, by a process that was paused (25P03). Not the whole of class 57: a statement that was canceled
 * (57014) says nothing of the server.
 */
const sqlState = /^(08\w{3}|25P03|57P0[1-5]|53300)$/

/** What `pg` and its pool throw without any code. */
const messages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable|Cannot use a pool after calling end|Server has closed the connection)/

const maxDepth = 8
const retryMilliseconds = 500

export type RetryOptions = {
  signal: AbortSignal
  logger: Logger
  failureMessage: string
  /** Whether an error allows another attempt. @default isOutage */
  isPassing?: (error: unknown) => boolean
  /** True to make one more attempt after the signal has aborted, and to fail as that one does. @default false */
  triesOnceMore?: boolean
}

/**
 * True for a fault of the connection to Postgres: it cannot be reached, it restarts, or it does not answer. What was
 * asked for may be asked again; whether it was done is not known.
 */
export function isOutage(error: unknown, depth = 0): boolean {
  return (
    error instanceof Object &&
    depth < maxDepth &&
    (isOutageItself(error) || causesOf(error).some((cause) => isOutage(cause, depth + 1)))
  )
}

/**
 * Makes attempts until Postgres can be reached.
 *
 * @param attempt may be called several times, also when an earlier call succeeded and only its answer was lost
 * @throws any error that is not passing; the signal's reason when it aborts, unless `triesOnceMore`
 */
export async function retryDuringOutage<Result>(
  attempt: () => Promise<Result>,
  { signal, logger, failureMessage, isPassing = isOutage, triesOnceMore = false }: RetryOptions,
): Promise<Result> {
  let isLogged = false
  while (true) {
    const isLast = signal.aborted
    if (!triesOnceMore) signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (!triesOnceMore) signal.throwIfAborted()
      if (isLast || !isPassing(error)) throw error
      if (!isLogged) logger.warn({ err: error }, `${failureMessage} Trying again.`)
      isLogged = true
      await delay(retryMilliseconds, undefined, { signal }).catch(() => {})
    }
  }
}

function isOutageCode(code: unknown): boolean {
  return typeof code === 'string' && (socketCodes.has(code) || prismaCodes.has(code) || sqlState.test(code))
}

function isOutageItself(error: object): boolean {
  return (
    ('code' in error && isOutageCode(error.code)) ||
    // The adapter's form, in a `cause` that is no error.
    ('originalCode' in error && isOutageCode(error.originalCode)) ||
    ('kind' in error && typeof error.kind === 'string' && adapterKinds.has(error.kind)) ||
    ('message' in error && typeof error.message === 'string' && messages.test(error.message))
  )
}

/** Where the error that caused this one may stand: as JavaScript has it, and as Prisma has it. */
function causesOf(error: object): unknown[] {
  return [
    ...('cause' in error ? [error.cause] : []),
    ...('errors' in error && Array.isArray(error.errors) ? error.errors : []),
    ...('meta' in error && error.meta instanceof Object && 'driverAdapterError' in error.meta
      ? [error.meta.driverAdapterError]
      : []),
  ]
}
