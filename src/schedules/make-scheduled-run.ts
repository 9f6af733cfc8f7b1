import { isGood } from '../auth/api-keys.ts'
import type { Viewer } from '../auth/viewer.ts'
import type { ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { parametersAt } from '../reports/interval.ts'
import { acceptReport } from '../runs/create/create-run.ts'
import { makeRun, type SubmittedRun } from '../runs/create/make-run.ts'
import type { Services } from '../runs/services.ts'
import type { DueRun } from './due.ts'
import { changeSchedule } from './find-schedule.ts'

/** The key that made the schedule, or turned it on last, is none any more. */
export class KeyLostError extends Error {
  override readonly name = 'KeyLostError'
}

/**
 * Makes the run of a schedule that is due, and moves the schedule on in the same transaction: however often and wherever
 * this is done, it makes one.
 *
 * @returns false when the schedule was changed meanwhile, and nothing was made
 * @throws KeyLostError, InputError, InputErrors, LiveModeRequiredError, LimitError
 */
export async function makeScheduledRun(
  deps: Services,
  schedule: ReportSchedule,
  { at, period, next }: DueRun,
): Promise<SubmittedRun | false> {
  const { reportType: type, relativeInterval, label, tags, formats, compression } = schedule
  const viewer = await viewerOf(deps, schedule)
  const request = { type, parameters: Object(schedule.parameters), relativeInterval }
  const accepted = {
    // The data of what has just passed may come some hours later.
    ...(await acceptReport(deps, viewer, type, parametersAt(deps.catalog, request, at, period), true)),
    label,
    tags,
    metadata: {},
    formats,
    compression,
    origin: 'SCHEDULE',
    attempt: 1,
    retryOfId: null,
    scheduleId: schedule.id,
    startWithin: null,
    timeout: null,
    reuseWithin: null,
    retention: Number(schedule.retentionMilliseconds),
  } as const
  const moveOn = { ...next, lastError: null }
  return makeRun(deps, viewer, accepted, (tx) => changeSchedule(tx, schedule, moveOn), null)
}

/** @throws KeyLostError */
async function viewerOf(
  { prisma, now }: Services,
  { accountId, livemode, requestedById: apiKeyId }: ReportSchedule,
): Promise<Viewer> {
  const apiKey = await prisma.apiKey.findUnique({ where: { id: apiKeyId } })
  if (apiKey && isGood(apiKey, now())) return { accountId, livemode, apiKeyId }
  throw new KeyLostError(
    `The API key ${apiKeyId}, which the runs were asked for by, was revoked or has expired. Turn the schedule on again with another key.`,
  )
}
