import type { Prisma as PrismaTypes, ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { timezoneOf } from '../reports/interval.ts'
import { checkGivenAnnotations, type GivenAnnotations } from '../runs/create/request.ts'
import type { Viewer } from '../tenant.ts'
import { startingPosition } from './due.ts'
import { changeSchedule, reportOf, requireSchedule, type ScheduleServices } from './schedule.ts'
import { acceptTrigger, type GivenTrigger, triggerColumns, triggerOf } from './trigger.ts'

/** What may be changed; what is absent stays as it is. Null takes the label away; tags replace all of them. */
export type SchedulePatch = Pick<GivenAnnotations, 'label' | 'tags'> & {
  isActive?: boolean | undefined
  trigger?: GivenTrigger | undefined
}

/**
 * Changes a schedule. One that is turned on starts from now, and the key that turned it on requests its runs. One
 * that gets another trigger goes on from where it is, with the times of the new one.
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
    // False means that it was changed just now, perhaps by a run that it made: look again.
    if (await changeSchedule(deps.prisma, schedule, changes)) return requireSchedule(deps.prisma, viewer, id)
  }
}

async function changesOf(
  { prisma, catalog, now }: ScheduleServices,
  viewer: Viewer,
  schedule: ReportSchedule,
  patch: SchedulePatch,
): Promise<PrismaTypes.ReportScheduleUncheckedUpdateManyInput> {
  const at = now()
  const timezone = timezoneOf(reportOf(schedule))
  const type = catalog.find(schedule.reportType)
  const trigger = patch.trigger
    ? acceptTrigger(patch.trigger, type, timezone, at)
    : triggerOf(schedule, timezone)
  const isActive = patch.isActive ?? schedule.isActive
  const isTurnedOn = isActive && !schedule.isActive
  const changes = {
    ...checkGivenAnnotations({ label: patch.label, tags: patch.tags }),
    ...triggerColumns(trigger),
    isActive,
  }
  if (!isActive) return { ...changes, nextRunAt: null }
  if (!isTurnedOn && !patch.trigger) return changes
  const available = (await type?.availability(prisma, viewer)) ?? null
  const start = startingPosition(trigger, at, available)
  if (isTurnedOn) return { ...changes, ...start, lastError: null, requestedById: viewer.apiKeyId }
  // What its runs have covered stays covered, and what they have not is for the next one.
  return { ...changes, ...start, coveredUntil: schedule.coveredUntil ?? start.coveredUntil }
}
