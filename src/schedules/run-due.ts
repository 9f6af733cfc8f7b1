import { isActive } from '../auth/api-keys.ts'
import { InputErrors, LimitError, UserFacingError } from '../errors.ts'
import type { ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { isOutage } from '../postgres/outage.ts'
import { timezoneOf } from '../reports/interval.ts'
import { submitClaimed } from '../runs/create/submit-run.ts'
import { validateReport } from '../runs/create/validate.ts'
import type { Services } from '../runs/services.ts'
import type { Viewer } from '../tenant.ts'
import { type DueRun, dueRun } from './due.ts'
import { changeSchedule, reportOf } from './schedule.ts'
import { scheduledParametersAt } from './scheduled-report.ts'
import { triggerOf } from './trigger.ts'

const pageSize = 100

/** The key that created the schedule, or last activated it, was revoked or has expired. */
class KeyLostError extends Error {
  override readonly name = 'KeyLostError'
}

/**
 * Creates the runs of all schedules that are due. A failure in one does not block the others; the next call tries it again.
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
        logger.error(
          { err: error, scheduleId: schedule.id },
          'Failed to process a schedule; trying again in a minute.',
        )
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
    await submitScheduled(deps, schedule, trigger.timezone, due)
  } catch (error) {
    const isRefusal =
      error instanceof UserFacingError || error instanceof InputErrors || error instanceof KeyLostError
    if (!isRefusal) throw error
    await recordRefusal(deps, schedule, due, error)
  }
}

/**
 * Creates the run of a due schedule and advances the schedule in one transaction, so that any number of concurrent calls
 * creates one run. Creates nothing when the schedule was changed in the meantime.
 */
async function submitScheduled(
  deps: Services,
  schedule: ReportSchedule,
  timezone: string,
  { at, period, next }: DueRun,
): Promise<void> {
  const { label, tags, formats, compression, byteOrderMark } = schedule
  const viewer = await viewerOf(deps, schedule)
  const report = reportOf(schedule)
  const parameters = scheduledParametersAt(deps.catalog, report, timezone, at, period)
  const spec = {
    // The data of a period can arrive hours after its end, so the run waits for it.
    ...(await validateReport(deps, viewer, report.type, parameters, true)),
    label,
    tags,
    metadata: {},
    formats,
    compression,
    byteOrderMark,
    origin: 'SCHEDULE',
    attempt: 1,
    retryOfId: null,
    scheduleId: schedule.id,
    startWithin: null,
    timeout: null,
    reuseWithin: null,
    retention: Number(schedule.retentionMilliseconds),
  } as const
  const advanced = { ...next, lastError: null }
  await submitClaimed(deps, viewer, spec, (tx) => changeSchedule(tx, schedule, advanced))
}

/**
 * Records why a run was not created. If a limit is the reason, the run stays due. Otherwise the schedule waits for its next
 * occurrence, whose PREVIOUS_PERIOD covers this period as well.
 */
async function recordRefusal(
  { prisma, logger }: Services,
  schedule: ReportSchedule,
  due: DueRun,
  error: Error,
): Promise<void> {
  const { id: scheduleId, accountId, lastError } = schedule
  const isLost = error instanceof KeyLostError
  const nextRunAt = error instanceof LimitError ? schedule.nextRunAt : due.next.nextRunAt
  const isTriedAgain = error instanceof LimitError || nextRunAt === null
  // The run is tried again each minute: do not record the same reason again.
  if (!isLost && isTriedAgain && lastError === error.message) return
  const position = isLost ? { isActive: false, nextRunAt: null } : { nextRunAt }
  if (!(await changeSchedule(prisma, schedule, { ...position, lastError: error.message }))) return
  logger.warn({ scheduleId, accountId, reason: error.message }, 'A schedule could not create its run.')
}

async function viewerOf(
  { prisma, now }: Services,
  { accountId, livemode, requestedById: apiKeyId }: ReportSchedule,
): Promise<Viewer> {
  const apiKey = await prisma.apiKey.findUnique({ where: { id: apiKeyId } })
  if (apiKey && isActive(apiKey, now())) return { accountId, livemode, apiKeyId }
  throw new KeyLostError(
    `The API key ${apiKeyId}, which requests the runs of this schedule, was revoked or has expired. Set isActive to true with another key to resume the schedule.`,
  )
}
