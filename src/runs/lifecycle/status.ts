import type { ReportRunStatus } from '../../postgres/generated/prisma/client.ts'

const finalStatuses: ReadonlySet<ReportRunStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED'])

/** True when the status will never change again. */
export const isFinal = (status: ReportRunStatus): boolean => finalStatuses.has(status)

/** True when asking the run to stop makes sense: it is not final and has not been asked yet. */
export const isCancelable = (status: ReportRunStatus): boolean => status === 'PENDING' || status === 'RUNNING'

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
