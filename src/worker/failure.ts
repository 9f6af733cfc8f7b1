import { DatabaseError } from 'pg'
import { InputErrors } from '../errors.ts'
import { isOutage } from '../postgres/outage.ts'
import { newTraceId } from '../request-context.ts'
import type { FailureCode } from '../runs/lifecycle/transition.ts'
import { StorageError } from '../storage/storage.ts'
import { UnwritableValueError } from './parquet/column-types.ts'

/** Classes of SQLSTATE that speak of the server's state and not of the query: it may work later. */
const passingClasses = new Set(['08', '40', '53', '55', '57', '58'])

/** The database that the report reads cannot be reached, or not any more. */
export class SourceLostError extends Error {
  override readonly name = 'SourceLostError'
}

/** The run was begun as often as it may, and each time its worker went away without a word. */
export class WorkerLostError extends Error {
  override readonly name = 'WorkerLostError'
  constructor(losses: number) {
    super(
      losses === 1
        ? 'The worker was lost that made the report.'
        : `The worker was lost that made the report, ${losses} times.`,
    )
  }
}

/**
 * True when the report's data source could not be reached any more, or its file not be stored: the same report may work
 * when it is tried again.
 */
export function isPassing(error: unknown): boolean {
  return error instanceof StorageError || error instanceof SourceLostError || isOutage(error)
}

/**
 * Postgres ended a statement for its length, or because it was canceled there: the code is the same, and the message in the
 * language of the server. Here none is canceled, only its connection ended.
 */
const queryCanceled = '57014'

/** What a thread ends with that has met its limit of memory; only those of Parquet files have one. */
const outOfMemory = 'ERR_WORKER_OUT_OF_MEMORY'

/**
 * Says why a report failed, in words that give nothing of the inside away.
 *
 * @param traceId that of the request for the run; a new one unless given
 */
export function describeFailure(error: unknown, traceId: string = newTraceId()) {
  const failure = (
    failureCode: FailureCode,
    /** For people, safe to show. */
    failureMessage: string,
    /** True when the same request may work later. */
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
  const code = systemCode(error)
  if (code === outOfMemory) {
    return failure(
      'INVALID_PARAMETERS',
      'The rows need more memory than a Parquet file may take. Ask for CSV or JSONL, or for fewer columns.',
      false,
      ['output', 'formats'],
    )
  }
  if (error instanceof DatabaseError) {
    if (code === queryCanceled) {
      return failure(
        'TIMED_OUT',
        'The report took longer than its SQL may, or was canceled in the database. Ask for less, or have its limit raised.',
        false,
      )
    }
    const mayPass = passingClasses.has(code?.slice(0, 2) ?? '')
    const advice = mayPass ? 'Try again later.' : `Give the trace id ${traceId} to support.`
    return failure(
      'UPSTREAM_ERROR',
      `The database could not run the report (SQLSTATE ${code}). ${advice}`,
      mayPass,
    )
  }
  if (error instanceof WorkerLostError) {
    const advice = `It may be what ends them: give the trace id ${traceId} to support.`
    return failure('INTERNAL_ERROR', `${error.message} ${advice}`, false)
  }
  if (error instanceof StorageError) {
    const what = `The file could not be stored: ${error.reason}.`
    return failure('STORAGE_ERROR', `${what} Nothing of it was kept. Try again later.`, true)
  }
  if (isPassing(error)) {
    return failure('UPSTREAM_ERROR', 'The connection to the database was lost. Try again later.', true)
  }
  return failure(
    'INTERNAL_ERROR',
    `The report failed by a fault of the gateway. Give the trace id ${traceId} to support.`,
    true,
  )
}

function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}
