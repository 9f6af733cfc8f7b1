import type { Viewer } from '../auth/viewer.ts'
import { NotFoundError } from '../errors.ts'
import { idPrefixes, isId } from '../ids.ts'
import type { Prisma, Transaction } from '../postgres/client.ts'
import type { Prisma as PrismaTypes, ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { tenantOf } from '../tenant.ts'

/** @throws NotFoundError when the viewer has no such schedule, also when the id is none at all */
export async function findSchedule(prisma: Prisma, viewer: Viewer, id: string): Promise<ReportSchedule> {
  const schedule = isId(id, idPrefixes.reportSchedule)
    ? await prisma.reportSchedule.findUnique({ where: { id, ...tenantOf(viewer) } })
    : null
  if (schedule) return schedule
  throw new NotFoundError(`There is no report schedule ${JSON.stringify(id)}.`, ['id'])
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
