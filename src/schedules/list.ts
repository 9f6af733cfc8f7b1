import type { Viewer } from '../auth/viewer.ts'
import { InputError } from '../errors.ts'
import { idPrefixes, isId } from '../ids.ts'
import type { Prisma } from '../postgres/client.ts'
import type { ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { tenantOf } from '../tenant.ts'

/** A cursor is the id of its schedule, so it stays good when that is deleted. */
export function encodeScheduleCursor({ id }: ReportSchedule): string {
  return Buffer.from(id).toString('base64url')
}

export type SchedulePage = {
  /** Cursors to begin after, and to end before. */
  after?: string | undefined
  before?: string | undefined
  limit: number
  /** True to begin at the oldest. */
  inverted: boolean
}

/**
 * Schedules that the viewer may see, newest first.
 *
 * @throws InputError for a cursor that is none
 */
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

function decodeCursor(argument: 'after' | 'before', cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (isId(id, idPrefixes.reportSchedule)) return id
  throw new InputError(
    `${JSON.stringify(cursor)} is no cursor of a list of schedules. Pass one that the list gave.`,
    [argument],
  )
}
