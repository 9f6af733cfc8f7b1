import type { FairQueue } from '../../fair-queue.ts'
import { countLimit, type ListPart, type PagedList } from '../../page.ts'
import { Prisma, ReportRunStatus } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import type { Services } from '../services.ts'
import { checkFilter, isIndexed, matching, type RunFilter } from './filter.ts'
import {
  decodeRunCursor,
  encodeRunCursor,
  type OrderField,
  orderBy,
  type Position,
  positionOf,
  type RunOrder,
  rangesBetween,
} from './order.ts'
import { columnsFor, type ListedRun, type RunParts, type RunRow, readFilesOf } from './run-rows.ts'

export type ListServices = Pick<Services, 'rows'> & {
  /** Reads that can visit many runs of an account take turns in it. */
  slowReads: FairQueue
}

/**
 * A paged list of the runs that are visible to the viewer and match the filter. A client that pages through the list sees
 * each run exactly once, unless the value that the list is sorted by changes.
 *
 * @param parts what the list shows of its runs
 * @throws InputError when the filter is not valid
 */
export function listRuns(
  { rows, slowReads }: ListServices,
  viewer: Viewer,
  filter: RunFilter,
  order: RunOrder,
  parts: RunParts,
): PagedList<ListedRun, Position> {
  checkFilter(filter, ['filter'])
  // Without a filter, one plan suits all values. With one, it depends on how many runs match.
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
      const end = Prisma.sql`order by ${orderBy(order.field, isAscending)} limit ${Prisma.raw(String(rest))}`
      const query = Prisma.sql`from report_runs where ${firstRuns(viewer, filter, order.field, range, end)} ${end}`
      const found = await rows<RunRow>(Prisma.sql`select ${columnsFor(parts)} ${query}`, planning)
      runs.push(...found.map(readFilesOf))
    }
    return runs
  }
  const count = async (): Promise<number> => {
    // In the order of an index: without an order, Postgres can choose to search the runs of all accounts.
    const counted = Prisma.sql`select from report_runs where ${matching(viewer, filter)}
      order by id limit ${countLimit + 1}`
    const query = Prisma.sql`select count(*) from (${counted}) as counted`
    const [row] = await rows<{ count: bigint }>(query, 'each')
    return Number(row?.count)
  }
  return {
    positionOf: (run) => positionOf(run, order.field),
    encodeCursor: encodeRunCursor,
    decodeCursor: (cursor, argument) => decodeRunCursor(cursor, order.field, argument),
    read: (part) => (isIndexed(filter) ? read(part) : slowReads.run(viewer.accountId, () => read(part))),
    count: () => slowReads.run(viewer.accountId, count),
  }
}

const allStatuses = Object.values(ReportRunStatus)

/**
 * The condition for the first runs of a range that match the filter.
 *
 * Only runs that succeeded have a size. So with a filter on the status, the index of all sizes would be searched in vain:
 * 6 s for a million runs. The index of sizes begins with the status, and the runs of each status are merged.
 *
 * @param end the order and the limit
 */
function firstRuns(
  viewer: Viewer,
  filter: RunFilter,
  field: OrderField,
  range: Prisma.Sql,
  end: Prisma.Sql,
): Prisma.Sql {
  const isUnfiltered = field === 'CREATED_AT' && Object.keys(filter).length === 0
  if (isUnfiltered) return Prisma.sql`${matching(viewer, {})} and ${ofFewRuns(viewer)} and ${range}`
  if (field !== 'BYTE_SIZE') return Prisma.sql`${matching(viewer, filter)} and ${range}`
  const { statuses, ...others } = filter
  const asked = [...new Set(statuses ?? allStatuses)]
  const possible =
    typeof filter.isEmpty === 'boolean' ? asked.filter((status) => status === 'SUCCEEDED') : asked
  const sizes = possible.map(
    (status) =>
      Prisma.sql`(select id, byte_size from report_runs
        where ${matching(viewer, others)} and status = ${status} and ${range} ${end})`,
  )
  if (sizes.length === 0) return Prisma.sql`false`
  return Prisma.sql`id = any(array(select id from (${Prisma.join(sizes, ' union all ')}) as run ${end}))`
}

/**
 * A condition that every run of the account meets, and that Postgres takes for a rare one when it plans for any account.
 * When one account has most of the runs, Postgres otherwise keeps a plan that searches the runs of all accounts in the order
 * of their ids: 1 s for an account with ten runs beside one with 600,000, instead of 0.1 ms.
 */
function ofFewRuns({ accountId }: Viewer): Prisma.Sql {
  return Prisma.sql`account_id between ${accountId} and ${accountId}`
}
