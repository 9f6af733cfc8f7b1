import { isActive } from '../auth/api-keys.ts'
import { InputErrors, LimitError, UserFacingError } from '../errors.ts'
import type { ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { isOutage } from '../postgres/outage.ts'
import { timezoneOf } from '../reports/interval.ts'
import { submitSpec } from '../runs/create/submit-run.ts'
import { validateReport } from '../runs/create/validate.ts'
import type { Services } from '../runs/services.ts'
import type { Viewer } from '../tenant.ts'
import { type DueRun, dueRun } from './due.ts'
import { changeSchedule, reportOf } from './schedule.ts'
import { scheduledParametersAt } from './scheduled-report.ts'
import { triggerOf } from './trigger.ts'

const pageSize = 100

/** The key that made the schedule, or turned it on last, was revoked or has expired. */
class KeyLostError extends Error {
  override readonly name = 'KeyLostError'
}

/**
 * Makes the runs of all schedules that are due. A fault in one does not keep the others; it is tried again next time.
 *
 * @throws when the database cannot be reached
 */
export async function runDueSchedules(deps: Services, signal: AbortSignal): Promise<void> {
  const { prisma, logger, now } = deps
  let after = ''
  let found: ReportSchedule[]
  do {
    found = await prisma.reportSchedule.findMany({
      where: {
        id: { gt: after },
        isActive: true,
        OR: [{ nextRunAt: { lte: now() } }, { dataPeriod: { not: null } }],
      },
      orderBy: { id: 'asc' },
      take: pageSize,
    })
    for (const schedule of found) {
      signal.throwIfAborted()
      await runIfDue(deps, schedule).catch((error: unknown) => {
        if (isOutage(error)) throw error
        logger.error({ err: error, scheduleId: schedule.id }, 'A schedule could not be dealt with.')
      })
      after = schedule.id
    }
  } while (found.length === pageSize)
}

async function runIfDue(deps: Services, schedule: ReportSchedule): Promise<void> {
  const { prisma, catalog, now } = deps
  const type = catalog.find(schedule.reportType)
  const trigger = triggerOf(schedule, timezoneOf(reportOf(schedule)))
  const due = dueRun(trigger, schedule, now(), (await type?.availability(prisma, schedule)) ?? null)
  if (!due) return
  try {
    await submitScheduled(deps, schedule, due)
  } catch (error) {
    const isRefusal =
      error instanceof UserFacingError || error instanceof InputErrors || error instanceof KeyLostError
    if (!isRefusal) throw error
    await noteRefusal(deps, schedule, due, error)
  }
}

/**
 * Makes the run of a schedule that is due, and moves the schedule on in the same transaction: however often and wherever
 * this is done, it makes one. Nothing is made when the schedule was changed in between.
 */
async function submitScheduled(
  deps: Services,
  schedule: ReportSchedule,
  { at, period, next }: DueRun,
): Promise<void> {
  const { label, tags, formats, compression } = schedule
  const viewer = await viewerOf(deps, schedule)
  const report = reportOf(schedule)
  const parameters = scheduledParametersAt(deps.catalog, report, at, period)
  const spec = {
    // The data of what has just passed may come some hours later.
    ...(await validateReport(deps, viewer, report.type, parameters, true)),
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
  await submitSpec(deps, viewer, spec, (tx) => changeSchedule(tx, schedule, moveOn), null)
}

/**
 * Notes why a run was not made. It stays due where a limit passes with time; otherwise the next one covers its period as
 * well, if it is to cover what has passed.
 */
async function noteRefusal(
  { prisma, logger }: Services,
  schedule: ReportSchedule,
  due: DueRun,
  error: Error,
): Promise<void> {
  const { id: scheduleId, accountId, lastError } = schedule
  const isLost = error instanceof KeyLostError
  const nextRunAt = error instanceof LimitError ? schedule.nextRunAt : due.next.nextRunAt
  const isTriedAgain = error instanceof LimitError || nextRunAt === null
  // It is tried each minute then, and the reason may stay the same for long.
  if (!isLost && isTriedAgain && lastError === error.message) return
  const position = isLost ? { isActive: false, nextRunAt: null } : { nextRunAt }
  if (!(await changeSchedule(prisma, schedule, { ...position, lastError: error.message }))) return
  logger.warn({ scheduleId, accountId, reason: error.message }, 'A schedule could not make its run.')
}

async function viewerOf(
  { prisma, now }: Services,
  { accountId, livemode, requestedById: apiKeyId }: ReportSchedule,
): Promise<Viewer> {
  const apiKey = await prisma.apiKey.findUnique({ where: { id: apiKeyId } })
  if (apiKey && isActive(apiKey, now())) return { accountId, livemode, apiKeyId }
  throw new KeyLostError(
    `The API key ${apiKeyId}, which the runs were asked for by, was revoked or has expired. Turn the schedule on again with another key.`,
  )
}
