import type { ReportRunStatus } from '../../postgres/generated/prisma/client.ts'

const finalStatuses: ReadonlySet<ReportRunStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED'])

/** True when the status will never change again. */
export function isFinal(status: ReportRunStatus): boolean {
  return finalStatuses.has(status)
}

/** True when asking the run to stop makes sense: it is not final and has not been asked yet. */
export function isCancelable(status: ReportRunStatus): boolean {
  return status === 'PENDING' || status === 'RUNNING'
}

/** Failure codes that a run can end with; clients branch on them. */
export const failureCodes = [
  'INVALID_PARAMETERS',
  'UPSTREAM_ERROR',
  'STORAGE_ERROR',
  'INTERNAL_ERROR',
  'NOT_STARTED_IN_TIME',
  'TIMED_OUT',
] as const
export type FailureCode = (typeof failureCodes)[number]
