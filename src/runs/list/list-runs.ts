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
 * A paged list of the runs that are visible to the viewer and match the filter. A client that pages through the list sees
 * each run exactly once, unless the value that the list is sorted by changes.
 *
 * @throws InputError when the filter is not valid
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
    positionOf: (run) => positionOf(run, order.field),
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
