import type { PagedList } from '../../page.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { checkFilter, matching, type RunFilter } from './filter.ts'
import {
  beyond,
  decodeRunCursor,
  encodeRunCursor,
  orderBy,
  type Position,
  positionOf,
  type RunOrder,
} from './order.ts'

/**
 * The runs that the viewer may see and the filter keeps, as a list to read pages of. While a client walks through the
 * pages, it meets a run twice, or not at all, only if the value that the list is ordered by changes.
 *
 * @throws InputError for a filter that cannot be used
 */
export function listRuns(
  prisma: Prisma,
  viewer: Viewer,
  filter: RunFilter,
  order: RunOrder,
): PagedList<ReportRun, Position> {
  checkFilter(filter, ['filter'])
  const reversed: RunOrder = { ...order, direction: order.direction === 'ASC' ? 'DESC' : 'ASC' }
  return {
    placeOf: (run) => positionOf(run, order.field),
    encodeCursor: encodeRunCursor,
    decodeCursor: (cursor, argument) => decodeRunCursor(cursor, order.field, argument),
    read: ({ after, before, isBackward, limit }) =>
      prisma.reportRun.findMany({
        where: {
          AND: [
            matching(viewer, filter),
            ...(after ? [beyond(order, after)] : []),
            ...(before ? [beyond(reversed, before)] : []),
          ],
        },
        orderBy: orderBy(isBackward ? reversed : order),
        take: limit,
      }),
    count: () => prisma.reportRun.count({ where: matching(viewer, filter) }),
  }
}
