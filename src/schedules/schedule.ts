import { InputError, NotFoundError } from '../errors.ts'
import { idPrefixes, isId } from '../ids.ts'
import { jsonObject } from '../json.ts'
import type { Prisma, Transaction } from '../postgres/client.ts'
import type { Prisma as PrismaTypes, ReportSchedule } from '../postgres/generated/prisma/client.ts'
import type { Services } from '../runs/services.ts'
import { tenantOf, type Viewer } from '../tenant.ts'
import type { ScheduledReport } from './scheduled-report.ts'

export type ScheduleServices = Pick<Services, 'prisma' | 'catalog' | 'now'>

/** @throws NotFoundError when the viewer has no such schedule, also when the id is none at all */
export async function findSchedule(prisma: Prisma, viewer: Viewer, id: string): Promise<ReportSchedule> {
  const schedule = isId(id, idPrefixes.reportSchedule)
    ? await prisma.reportSchedule.findUnique({ where: { id, ...tenantOf(viewer) } })
    : null
  if (schedule) return schedule
  throw new NotFoundError(`There is no report schedule ${JSON.stringify(id)}.`, ['id'])
}

/** A cursor is the id of its schedule, so it stays good when that is deleted. */
export function encodeScheduleCursor({ id }: ReportSchedule): string {
  return Buffer.from(id).toString('base64url')
}

export type SchedulePage = {
  /** Cursors to begin after, and to end before. */
  after?: string | undefined
  before?: string | undefined
  limit: number
  inverted: boolean
}

/** Schedules that the viewer may see, newest first. @throws InputError for a cursor that is none */
export async function listSchedules(
  prisma: Prisma,
  viewer: Viewer,
  { after, before, limit, inverted }: SchedulePage,
): Promise<ReportSchedule[]> {
  return prisma.reportSchedule.findMany({
    where: {
      ...tenantOf(viewer),
      id: {
        ...(after !== undefined && { lt: decodeCursor('after', after) }),
        ...(before !== undefined && { gt: decodeCursor('before', before) }),
      },
    },
    orderBy: { id: inverted ? 'asc' : 'desc' },
    take: limit,
  })
}

/** Changes a schedule unless it has changed since it was read; false means that it has, and nothing was written. */
export async function changeSchedule(
  prisma: Prisma | Transaction,
  { id, version }: ReportSchedule,
  data: PrismaTypes.ReportScheduleUncheckedUpdateManyInput,
): Promise<boolean> {
  const { count } = await prisma.reportSchedule.updateMany({
    where: { id, version },
    data: { ...data, version: { increment: 1 } },
  })
  return count === 1
}

/** Deletes a schedule. Runs that it has made stay. @throws NotFoundError when the viewer has no such schedule */
export async function deleteSchedule(
  { prisma }: Pick<Services, 'prisma'>,
  viewer: Viewer,
  id: string,
): Promise<void> {
  const schedule = await findSchedule(prisma, viewer, id)
  await prisma.reportSchedule.deleteMany({ where: { id: schedule.id } })
}

export function reportOf({ reportType, parameters, relativeInterval }: ReportSchedule): ScheduledReport {
  return { type: reportType, parameters: jsonObject(parameters), relativeInterval }
}

function decodeCursor(argument: 'after' | 'before', cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (isId(id, idPrefixes.reportSchedule)) return id
  throw new InputError(
    `${JSON.stringify(cursor)} is no cursor of a list of schedules. Pass one that the list gave.`,
    [argument],
  )
}
