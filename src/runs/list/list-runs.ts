import { InputError } from '../../errors.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { checkFilter, matching, type RunFilter } from './filter.ts'
import { beyond, decodeRunCursor, orderBy, type RunOrder } from './order.ts'

const maxPage = 100
const defaultPage = 20

export type PageRequest = {
  first?: number | null | undefined
  after?: string | null | undefined
  last?: number | null | undefined
  before?: string | null | undefined
}

export type RunPage = {
  runs: ReportRun[]
  hasNextPage: boolean
  hasPreviousPage: boolean
}

/**
 * One page of runs by keyset: as cheap at any depth. Runs that come or go between two pages change nothing for the
 * others; a run may be met twice, or not at all, only if the value that the list is ordered by changed in between.
 *
 * @throws InputError for a page size, cursor or filter that cannot be used
 */
export async function listRuns(
  prisma: Prisma,
  viewer: Viewer,
  filter: RunFilter,
  order: RunOrder,
  page: PageRequest,
): Promise<RunPage> {
  checkFilter(filter, 'filter')
  const size = pageSize(page)
  const after = typeof page.after === 'string' ? decodeRunCursor(page.after, order.field, 'after') : null
  const before = typeof page.before === 'string' ? decodeRunCursor(page.before, order.field, 'before') : null
  const reversed: RunOrder = { ...order, direction: order.direction === 'ASC' ? 'DESC' : 'ASC' }
  const isBackward = typeof page.last === 'number'

  const found = await prisma.reportRun.findMany({
    where: {
      AND: [
        matching(viewer, filter),
        ...(after ? [beyond(order, after)] : []),
        ...(before ? [beyond(reversed, before)] : []),
      ],
    },
    orderBy: orderBy(isBackward ? reversed : order),
    take: size + 1,
  })
  const hasMore = found.length > size
  const runs = found.slice(0, size)
  return {
    runs: isBackward ? runs.reverse() : runs,
    hasNextPage: isBackward ? before !== null : hasMore,
    hasPreviousPage: isBackward ? hasMore : after !== null,
  }
}

function pageSize({ first, last }: PageRequest): number {
  if (typeof first === 'number' && typeof last === 'number') {
    throw new InputError('Give first or last, not both.', ['last'])
  }
  const size = first ?? last ?? defaultPage
  if (size < 1 || size > maxPage) {
    const argument = typeof first === 'number' ? 'first' : 'last'
    throw new InputError(`${argument} is ${size}; it has to be from 1 to ${maxPage}.`, [argument])
  }
  return size
}
