import { InputErrors, LimitError, UserFacingError } from '../errors.ts'
import type { ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { isOutage } from '../postgres/outage.ts'
import { timezoneOf } from '../reports/interval.ts'
import type { Services } from '../runs/services.ts'
import { type DueRun, dueRun } from './due.ts'
import { changeSchedule } from './find-schedule.ts'
import { KeyLostError, makeScheduledRun } from './make-scheduled-run.ts'
import { triggerOf } from './trigger.ts'

const pageSize = 100

/**
 * Makes the runs of all schedules that are due. A fault in one does not keep the others; it is tried again next time.
 *
 * @param signal ends it between two schedules
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

/** The run that the schedule is to make now; null when there is none. */
async function findDue({ prisma, catalog, now }: Services, schedule: ReportSchedule): Promise<DueRun | null> {
  const trigger = triggerOf(schedule, timezoneOf({ parameters: Object(schedule.parameters) }))
  const type = catalog.find(schedule.reportType)
  return dueRun(trigger, schedule, now(), (await type?.availability(prisma, schedule)) ?? null)
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
  const place = isLost ? { isActive: false, nextRunAt: null } : { nextRunAt }
  if (!(await changeSchedule(prisma, schedule, { ...place, lastError: error.message }))) return
  logger.warn({ scheduleId, accountId, reason: error.message }, 'A schedule could not make its run.')
}

async function runIfDue(deps: Services, schedule: ReportSchedule): Promise<void> {
  const due = await findDue(deps, schedule)
  if (!due) return
  try {
    await makeScheduledRun(deps, schedule, due)
  } catch (error) {
    const isRefusal =
      error instanceof UserFacingError || error instanceof InputErrors || error instanceof KeyLostError
    if (!isRefusal) throw error
    await noteRefusal(deps, schedule, due, error)
  }
}
