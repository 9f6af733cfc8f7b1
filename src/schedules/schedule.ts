import { InputError, NotFoundError } from '../errors.ts'
import { idPrefixes, isId } from '../ids.ts'
import { jsonObject } from '../json.ts'
import { countLimit, type PagedList } from '../page.ts'
import type { Prisma, Transaction } from '../postgres/client.ts'
import type { Prisma as PrismaTypes, ReportSchedule } from '../postgres/generated/prisma/client.ts'
import type { Services } from '../runs/services.ts'
import { tenantOf, type Viewer } from '../tenant.ts'
import type { ScheduledReport } from './scheduled-report.ts'

export type ScheduleServices = Pick<Services, 'prisma' | 'catalog' | 'now'>

/** Finds a schedule; null when it does not exist or is not visible to the viewer, also for an id that is not valid. */
export async function findSchedule(
  prisma: Prisma,
  viewer: Viewer,
  id: string,
): Promise<ReportSchedule | null> {
  return isId(id, idPrefixes.reportSchedule)
    ? prisma.reportSchedule.findUnique({ where: { id, ...tenantOf(viewer) } })
    : null
}

/** @throws NotFoundError when the viewer has no such schedule */
export async function requireSchedule(prisma: Prisma, viewer: Viewer, id: string): Promise<ReportSchedule> {
  const schedule = await findSchedule(prisma, viewer, id)
  if (schedule) return schedule
  throw new NotFoundError(`There is no report schedule ${JSON.stringify(id)}.`, ['id'])
}

/** The schedules that are visible to the viewer, newest first. The position of a schedule is its id. */
export function listSchedules(prisma: Prisma, viewer: Viewer): PagedList<ReportSchedule, string> {
  return {
    positionOf: ({ id }) => id,
    encodeCursor: (id) => Buffer.from(id).toString('base64url'),
    decodeCursor,
    read: ({ after, before, isBackward, limit }) =>
      prisma.reportSchedule.findMany({
        where: {
          ...tenantOf(viewer),
          id: { ...(after !== null && { lt: after }), ...(before !== null && { gt: before }) },
        },
        orderBy: { id: isBackward ? 'asc' : 'desc' },
        take: limit,
      }),
    count: () => prisma.reportSchedule.count({ where: tenantOf(viewer), take: countLimit + 1 }),
  }
}

/** Changes a schedule; returns false and writes nothing when it has changed since it was read. */
export async function changeSchedule(
  prisma: Prisma | Transaction,
  schedule: ReportSchedule,
  data: PrismaTypes.ReportScheduleUncheckedUpdateManyInput,
): Promise<boolean> {
  const { count } = await prisma.reportSchedule.updateMany({
    where: { ...tenantOf(schedule), id: schedule.id, version: schedule.version },
    data: { ...data, version: { increment: 1 } },
  })
  return count === 1
}

/** Deletes a schedule. Its runs stay. @throws NotFoundError when the viewer has no such schedule */
export async function deleteSchedule(
  { prisma }: Pick<Services, 'prisma'>,
  viewer: Viewer,
  id: string,
): Promise<void> {
  const schedule = await requireSchedule(prisma, viewer, id)
  await prisma.reportSchedule.deleteMany({ where: { ...tenantOf(viewer), id: schedule.id } })
}

export function reportOf({ reportType, parameters, relativeInterval }: ReportSchedule): ScheduledReport {
  return { type: reportType, parameters: jsonObject(parameters), relativeInterval }
}

function decodeCursor(cursor: string, argument: 'after' | 'before'): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (isId(id, idPrefixes.reportSchedule)) return id
  throw new InputError(
    `${JSON.stringify(cursor)} is not a cursor of a list of schedules. Pass a cursor that the list returned.`,
    [argument],
  )
}
