import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { tenantOf, type Viewer } from '../../tenant.ts'
import { requestHash } from './reuse.ts'
import type { RunSpec } from './validate.ts'

/** The columns that are set when a run is created, except those that the statement computes, and their fields. */
const columns = {
  account_id: 'accountId',
  livemode: 'livemode',
  report_type: 'reportType',
  parameters: 'parameters',
  formats: 'formats',
  compression: 'compression',
  byte_order_mark: 'byteOrderMark',
  request_hash: 'requestHash',
  label: 'label',
  tags: 'tags',
  metadata: 'metadata',
  status: 'status',
  origin: 'origin',
  attempt: 'attempt',
  retry_of_id: 'retryOfId',
  schedule_id: 'scheduleId',
  requested_by_id: 'requestedById',
  wait_for_data: 'waitForData',
  data_needed_until: 'dataNeededUntil',
  deadline_at: 'deadlineAt',
  timeout_milliseconds: 'timeoutMilliseconds',
  retention_milliseconds: 'retentionMilliseconds',
  trace_id: 'traceId',
} as const satisfies Record<string, keyof ReportRun>

/** The fields of a run before its first change; the columns have them as defaults. */
const unchanged = {
  version: 1,
  queuedAt: null,
  startedAt: null,
  finishedAt: null,
  execution: 0,
  lostExecutions: 0,
  isHandedBack: false,
  expiresAt: null,
  filesDeletedAt: null,
  deletedAt: null,
  stage: null,
  rowsWritten: null,
  rowsExpected: null,
  percent: null,
  measuredAt: null,
  estimatedFinishAt: null,
  rowCount: null,
  byteSize: null,
  isPartial: false,
  runMilliseconds: null,
  dataAsOf: null,
  failureCode: null,
  failureMessage: null,
  failureIsRetryable: null,
  cancelRequestedAt: null,
  cancelRequestedById: null,
  cancelReason: null,
} as const satisfies Partial<ReportRun>

type Given = Pick<ReportRun, (typeof columns)[keyof typeof columns]>

/** The fields of a run that are given. */
export type NewRun = Omit<Given, 'parameters' | 'metadata'> & { parameters: object; metadata: object }

/** The columns as a list for SQL. */
export const columnNames = Object.keys(columns).join(', ')

/**
 * The run that a request creates.
 *
 * @param at the time of the request
 */
export function newRun(
  viewer: Viewer,
  { startWithin, timeout, retention, reuseWithin: _, ...spec }: RunSpec,
  traceId: string,
  at: Date,
): NewRun {
  return {
    ...spec,
    ...tenantOf(viewer),
    requestHash: requestHash(spec),
    status: 'PENDING',
    requestedById: viewer.apiKeyId,
    deadlineAt: startWithin === null ? null : new Date(at.getTime() + startWithin),
    timeoutMilliseconds: timeout === null ? null : BigInt(timeout),
    retentionMilliseconds: BigInt(retention),
    traceId,
  }
}

/** The columns of a run as `jsonb_populate_record` reads them. */
export function rowText(run: NewRun): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(columns).map(([column, field]) => [column, toJson(run[field])])),
  )
}

/** A run whose row was just inserted, equal to what a read of the row returns. */
export function createdRun(
  run: NewRun,
  computed: Pick<ReportRun, 'id' | 'createdAt' | 'parameters' | 'metadata'>,
): ReportRun {
  return { ...unchanged, failurePath: [], ...run, ...computed }
}

function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value
}
