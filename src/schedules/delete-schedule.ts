import type { Viewer } from '../auth/viewer.ts'
import type { Services } from '../runs/services.ts'
import { findSchedule } from './find-schedule.ts'

/**
 * Deletes a schedule. Runs that it has made stay.
 *
 * @throws NotFoundError when the viewer has no such schedule
 */
export async function deleteSchedule(
  { prisma }: Pick<Services, 'prisma'>,
  viewer: Viewer,
  id: string,
): Promise<void> {
  const schedule = await findSchedule(prisma, viewer, id)
  await prisma.reportSchedule.deleteMany({ where: { id: schedule.id } })
}
