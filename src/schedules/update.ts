import type { Prisma as PrismaTypes, ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { timezoneOf } from '../reports/interval.ts'
import { checkGivenAnnotations, type GivenAnnotations } from '../runs/create/request.ts'
import type { Viewer } from '../tenant.ts'
import { startingPosition } from './due.ts'
import { changeSchedule, reportOf, requireSchedule, type ScheduleServices } from './schedule.ts'
import type { ScheduledReport } from './scheduled-report.ts'
import { acceptTrigger, type GivenTrigger, type Trigger, triggerColumns, triggerOf } from './trigger.ts'

/** Absent fields do not change. A null label removes the label; tags replace the previous ones. */
export type SchedulePatch = Pick<GivenAnnotations, 'label' | 'tags'> & {
  isActive?: boolean | undefined
  trigger?: GivenTrigger | undefined
}

/**
 * Changes a schedule. When it is activated, it starts from now, and the key that activates it requests its runs. When its
 * trigger changes, it continues from its position with the times of the new trigger.
 *
 * @throws NotFoundError when the viewer has no such schedule
 * @throws InputError, InputErrors with paths that start with the name of a field of the patch
 */
export async function updateSchedule(
  deps: ScheduleServices,
  viewer: Viewer,
  id: string,
  patch: SchedulePatch,
): Promise<ReportSchedule> {
  while (true) {
    const schedule = await requireSchedule(deps.prisma, viewer, id)
    const changes = await changesOf(deps, viewer, schedule, patch)
    // False means that the schedule changed in the meantime, perhaps because its run was created: try again.
    if (await changeSchedule(deps.prisma, schedule, changes)) return requireSchedule(deps.prisma, viewer, id)
  }
}

/** The timezone of a new trigger without one: cron also keeps that of the previous trigger. */
function defaultTimezone({ kind }: GivenTrigger, report: ScheduledReport, previous: Trigger): string {
  return kind === 'cron' ? timezoneOf(report, previous.timezone) : timezoneOf(report)
}

async function changesOf(
  { prisma, catalog, now }: ScheduleServices,
  viewer: Viewer,
  schedule: ReportSchedule,
  patch: SchedulePatch,
): Promise<PrismaTypes.ReportScheduleUncheckedUpdateManyInput> {
  const at = now()
  const report = reportOf(schedule)
  const timezone = timezoneOf(report)
  const type = catalog.find(schedule.reportType)
  const previous = triggerOf(schedule, timezone)
  const trigger = patch.trigger
    ? acceptTrigger(patch.trigger, type, defaultTimezone(patch.trigger, report, previous), at)
    : previous
  const isActive = patch.isActive ?? schedule.isActive
  const isActivated = isActive && !schedule.isActive
  const changes = {
    ...checkGivenAnnotations({ label: patch.label, tags: patch.tags }),
    ...triggerColumns(trigger),
    isActive,
  }
  if (!isActive) return { ...changes, nextRunAt: null }
  if (!isActivated && !patch.trigger) return changes
  const available = (await type?.availability(prisma, viewer)) ?? null
  const start = startingPosition(trigger, at, available)
  if (isActivated) return { ...changes, ...start, lastError: null, requestedById: viewer.apiKeyId }
  // The next run continues where the last one ended.
  return { ...changes, ...start, coveredUntil: schedule.coveredUntil ?? start.coveredUntil }
}
