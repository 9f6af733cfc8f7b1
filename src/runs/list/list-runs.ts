import type { FairQueue } from '../../fair-queue.ts'
import { countLimit, type ListPart, type PagedList } from '../../page.ts'
import { Prisma } from '../../postgres/generated/prisma/client.ts'
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
  rangesBetween,
} from './order.ts'
import {
  type ListedRun,
  type RunWithFileRows,
  readFilesOf,
  runColumns,
  runColumnsWithFiles,
} from './run-rows.ts'

export type ListServices = Pick<Services, 'rows'> & {
  /** Reads that can visit many runs of an account take turns in it. */
  slowReads: FairQueue
}

/**
 * A paged list of the runs that are visible to the viewer and match the filter. A client that pages through the list sees
 * each run exactly once, unless the value that the list is sorted by changes.
 *
 * @param withFiles true to read the files of the runs in the same query, which takes a third less CPU than two queries
 * @throws InputError when the filter is not valid
 */
export function listRuns(
  { rows, slowReads }: ListServices,
  viewer: Viewer,
  filter: RunFilter,
  order: RunOrder,
  withFiles = false,
): PagedList<ListedRun, Position> {
  checkFilter(filter, ['filter'])
  const where = matching(viewer, filter)
  // Without a filter, the plan is the same for all values. With one, it depends on how many runs match.
  const planning = Object.keys(filter).length === 0 ? 'once' : 'each'
  const read = async ({ after, before, isBackward, limit }: ListPart<Position>): Promise<ListedRun[]> => {
    const isOrderAscending = order.direction === 'ASC'
    const [lower, upper] = isOrderAscending ? [after, before] : [before, after]
    const isAscending = isOrderAscending !== isBackward
    const ranges = rangesBetween(order.field, lower, upper)
    const runs: ListedRun[] = []
    for (const range of isAscending ? ranges : ranges.reverse()) {
      const rest = limit - runs.length
      if (rest === 0) break
      // The limit is part of the text, because a plan for any limit would be one for a tenth of all runs.
      const tail = Prisma.sql`from report_runs where ${where} and ${range}
        order by ${orderBy(order.field, isAscending)} limit ${Prisma.raw(String(rest))}`
      const found = withFiles
        ? (await rows<RunWithFileRows>(Prisma.sql`select ${runColumnsWithFiles} ${tail}`, planning)).map(
            readFilesOf,
          )
        : await rows<ListedRun>(Prisma.sql`select ${runColumns} ${tail}`, planning)
      runs.push(...found)
    }
    return runs
  }
  const count = async (): Promise<number> => {
    const query = Prisma.sql`select count(*) from (select from report_runs where ${where} limit ${countLimit + 1}) as counted`
    const [counted] = await rows<{ count: bigint }>(query, 'each')
    return Number(counted?.count)
  }
  return {
    positionOf: (run) => positionOf(run, order.field),
    encodeCursor: encodeRunCursor,
    decodeCursor: (cursor, argument) => decodeRunCursor(cursor, order.field, argument),
    read: (part) => (isIndexed(filter) ? read(part) : slowReads.run(viewer.accountId, () => read(part))),
    count: () => slowReads.run(viewer.accountId, count),
  }
}
