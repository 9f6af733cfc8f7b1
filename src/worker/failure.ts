import { DatabaseError } from 'pg'
import { codeOf, InputErrors } from '../errors.ts'
import { isOutage, readOnlyState } from '../postgres/outage.ts'
import { newTraceId } from '../request-context.ts'
import type { FailureCode } from '../runs/lifecycle/transition.ts'
import { StorageError } from '../storage/storage.ts'
import { UnwritableValueError } from './parquet/column-types.ts'

/** SQLSTATE classes that describe the state of the server and not the query: the query may succeed later. */
const transientClasses = new Set(['08', '40', '53', '55', '57', '58'])

/** SQLSTATE of a statement that exceeded temp_file_limit. */
const configurationLimit = '53400'

/**
 * SQLSTATEs that the SQL of a report causes itself: a write in its read-only transaction, and more temporary files than the
 * login may have.
 */
const ownFaults = new Set([readOnlyState, configurationLimit])

/**
 * SQLSTATE of a statement on a standby that was in the way of the changes of the primary. A report reads one snapshot in a
 * transaction that is not serializable, so the code has no other cause.
 */
const recoveryConflict = '40001'

/** The database that the report reads cannot be reached, or its connection broke. */
export class SourceLostError extends Error {
  override readonly name: string = 'SourceLostError'
}

/** The replica did not have the data of the run in time. */
export class StaleReplicaError extends SourceLostError {
  override readonly name = 'StaleReplicaError'
  constructor() {
    super('The read replica is too far behind the primary.')
  }
}

/** The process does not have the report type of the run. */
export class MissingReportTypeError extends Error {
  override readonly name = 'MissingReportTypeError'
  constructor(reportType: string) {
    super(`The worker does not have the report type ${reportType}.`)
  }
}

/** A statement of a custom report ran longer than its limit, and Postgres did not end it in time. */
export class StatementTimeoutError extends Error {
  override readonly name = 'StatementTimeoutError'
}

/** The run has used all its attempts, and its last worker was lost. */
export class WorkerLostError extends Error {
  override readonly name = 'WorkerLostError'
  constructor(losses: number) {
    super(
      losses === 1
        ? 'The worker was lost while it produced the report.'
        : `The worker was lost while it produced the report, ${losses} times.`,
    )
  }
}

/**
 * True when the report's data source was lost or its file could not be stored: another attempt may succeed.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof DatabaseError && ownFaults.has(error.code ?? '')) return false
  if (error instanceof DatabaseError && error.code === recoveryConflict) return true
  return error instanceof StorageError || error instanceof SourceLostError || isOutage(error)
}

/**
 * SQLSTATE of a statement that Postgres ended because it exceeded its time limit or was canceled. The code is the same for
 * both, and the message is in the language of the server. The gateway cancels no statement; it ends the connection.
 */
const queryCanceled = '57014'

/** Error code of a thread that reached its memory limit; only the threads of Parquet files have one. */
const outOfMemory = 'ERR_WORKER_OUT_OF_MEMORY'

/**
 * Describes why a report failed, without internal details.
 *
 * @param traceId trace id of the request that created the run; a new one unless given
 */
export function describeFailure(error: unknown, traceId: string = newTraceId()) {
  const failure = (
    failureCode: FailureCode,
    /** For people; safe to show. */
    failureMessage: string,
    /** True when the same request may succeed later. */
    failureIsRetryable: boolean,
    failurePath: string[] = [],
  ) => ({ failureCode, failureMessage, failureIsRetryable, failurePath, traceId })

  if (error instanceof InputErrors) {
    const path = ['parameters', ...(error.errors[0]?.path ?? [])]
    return failure('INVALID_PARAMETERS', error.message, false, path)
  }
  if (error instanceof UnwritableValueError) {
    return failure('INVALID_PARAMETERS', error.message, false, ['output', 'formats'])
  }
  const code = codeOf(error)
  if (code === outOfMemory) {
    return failure(
      'INVALID_PARAMETERS',
      'The rows need more memory than the limit for a Parquet file. Choose CSV or JSONL, or select fewer columns.',
      false,
      ['output', 'formats'],
    )
  }
  if (code === queryCanceled || error instanceof StatementTimeoutError) {
    return failure(
      'TIMED_OUT',
      "The report's SQL exceeded its time limit, or was canceled in the database. Select less data, or ask the operator to raise the limit.",
      false,
    )
  }
  if (error instanceof DatabaseError) {
    return failure('UPSTREAM_ERROR', ...describeDatabaseError(code, traceId))
  }
  if (error instanceof WorkerLostError) {
    const advice = `The report itself may be the cause: give the trace id ${traceId} to support.`
    return failure('INTERNAL_ERROR', `${error.message} ${advice}`, false)
  }
  if (error instanceof MissingReportTypeError) {
    const advice = 'Give all gateways and workers the same REPORTS_DIR, then retry the run.'
    return failure('INTERNAL_ERROR', `${error.message} ${advice}`, true)
  }
  if (error instanceof StorageError) {
    const what = `The file could not be stored: ${error.reason}.`
    return failure('STORAGE_ERROR', `${what} No part of it was kept. Try again later.`, true)
  }
  if (error instanceof StaleReplicaError) {
    return failure('UPSTREAM_ERROR', `${error.message} Try again later.`, true)
  }
  if (isTransient(error)) {
    return failure('UPSTREAM_ERROR', 'The connection to the database was lost. Try again later.', true)
  }
  return failure(
    'INTERNAL_ERROR',
    `The report failed because of an internal error. Give the trace id ${traceId} to support.`,
    true,
  )
}

/** The message of a failed statement, and whether it may succeed later. */
function describeDatabaseError(code: string, traceId: string): [message: string, isRetryable: boolean] {
  if (code === configurationLimit) {
    return [
      "The report's SQL needs more temporary disk space than its login may have. Select less data, or ask the operator to raise temp_file_limit.",
      false,
    ]
  }
  const isRetryable = transientClasses.has(code.slice(0, 2))
  const advice = isRetryable ? 'Try again later.' : `Give the trace id ${traceId} to support.`
  return [`The database could not run the report (SQLSTATE ${code}). ${advice}`, isRetryable]
}
