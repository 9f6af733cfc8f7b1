import type { FairQueue } from '../../fair-queue.ts'
import { countLimit, type ListPart, type PagedList } from '../../page.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import type { Services } from '../services.ts'
import { checkFilter, isIndexed, matching, type RunFilter } from './filter.ts'
import {
  decodeRunCursor,
  encodeRunCursor,
  orderBy,
  type Position,
  positionOf,
  type RunOrder,
  rangesAfter,
} from './order.ts'

export type ListServices = Pick<Services, 'prisma'> & {
  /** Reads that can visit many runs of an account take turns in it. */
  slowReads: FairQueue
}

/**
 * A paged list of the runs that are visible to the viewer and match the filter. A client that pages through the list sees
 * each run exactly once, unless the value that the list is sorted by changes.
 *
 * @throws InputError when the filter is not valid
 */
export function listRuns(
  { prisma, slowReads }: ListServices,
  viewer: Viewer,
  filter: RunFilter,
  order: RunOrder,
): PagedList<ReportRun, Position> {
  checkFilter(filter, ['filter'])
  const where = matching(viewer, filter)
  const read = async (part: ListPart<Position>): Promise<ReportRun[]> => {
    const { orderBy, ranges, AND } = conditionsOf(order, part)
    const runs: ReportRun[] = []
    for (const range of ranges) {
      const take = part.limit - runs.length
      if (take === 0) break
      runs.push(
        ...(await prisma.reportRun.findMany({ where: { AND: [where, range, ...AND] }, orderBy, take })),
      )
    }
    return runs
  }
  return {
    positionOf: (run) => positionOf(run, order.field),
    encodeCursor: encodeRunCursor,
    decodeCursor: (cursor, argument) => decodeRunCursor(cursor, order.field, argument),
    read: (part) => (isIndexed(filter) ? read(part) : slowReads.run(viewer.accountId, () => read(part))),
    count: () =>
      slowReads.run(viewer.accountId, () => prisma.reportRun.count({ where, take: countLimit + 1 })),
  }
}

/** A part of the list as ranges after its first position, in the order to read them, and the condition for its end. */
function conditionsOf(order: RunOrder, { after, before, isBackward }: ListPart<Position>) {
  const reversed: RunOrder = { ...order, direction: order.direction === 'ASC' ? 'DESC' : 'ASC' }
  const [first, last] = isBackward ? [before, after] : [after, before]
  const [onward, back] = isBackward ? [reversed, order] : [order, reversed]
  return {
    orderBy: orderBy(onward),
    ranges: first ? rangesAfter(onward, first) : [{}],
    AND: last ? [{ OR: rangesAfter(back, last) }] : [],
  }
}
