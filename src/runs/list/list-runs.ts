import type { Viewer } from '../../auth/viewer.ts'
import { InputError } from '../../errors.ts'
import { firstIdAt, idPrefixes } from '../../ids.ts'
import type { Prisma } from '../../postgres/client.ts'
import type {
  Prisma as PrismaTypes,
  ReportRun,
  ReportRunOrigin,
  ReportRunStatus,
} from '../../postgres/generated/prisma/client.ts'
import { decodeRunCursor } from './run-cursor.ts'
import { beyond, orderBy, type RunOrder } from './run-order.ts'
import { visibleRun } from './visible-run.ts'

export const largestPage = 100
const defaultPage = 20

/** An inclusive start and an exclusive end, either of them open. */
export type TimeRange = { since?: Date | null | undefined; until?: Date | null | undefined }

export type RunFilter = {
  status?: readonly ReportRunStatus[] | null | undefined
  reportType?: readonly string[] | null | undefined
  /** All of these. */
  tags?: readonly string[] | null | undefined
  /** Ids of API keys. */
  requestedBy?: readonly string[] | null | undefined
  origin?: readonly ReportRunOrigin[] | null | undefined
  /** Repeats of this run. */
  retryOfId?: string | undefined
  /** Made by this schedule. */
  scheduleId?: string | undefined
  createdAt?: TimeRange | null | undefined
  finishedAt?: TimeRange | null | undefined
  isEmpty?: boolean | null | undefined
}

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

const mostValues = 100

/**
 * @param argument what the filter is given as, for the message
 * @throws InputError for more values than anyone needs, and for text that Postgres cannot read
 */
export function checkFilter(
  { status, reportType, tags, requestedBy, origin }: RunFilter,
  argument: string,
): void {
  for (const [field, values] of Object.entries({ status, reportType, tags, requestedBy, origin })) {
    if (values && values.length > mostValues) {
      throw new InputError(`${argument}.${field} has ${values.length} values; ${mostValues} are allowed.`, [
        argument,
      ])
    }
  }
  const text = [...(reportType ?? []), ...(tags ?? []), ...(requestedBy ?? [])].find(
    (value) => value.includes('\0') || !value.isWellFormed(),
  )
  if (text !== undefined) {
    throw new InputError(
      `${JSON.stringify(text)} holds NUL, or half of a surrogate pair, which nothing here does.`,
      [argument],
    )
  }
}

/** The runs that the viewer may see and the filter keeps. */
export function matching(viewer: Viewer, filter: RunFilter): PrismaTypes.ReportRunWhereInput {
  return {
    ...visibleRun(viewer),
    ...(filter.status && { status: { in: [...filter.status] } }),
    ...(filter.reportType && { reportType: { in: [...filter.reportType] } }),
    ...(filter.tags && { tags: { hasEvery: [...filter.tags] } }),
    ...(filter.requestedBy && { requestedById: { in: [...filter.requestedBy] } }),
    ...(filter.origin && { origin: { in: [...filter.origin] } }),
    ...(filter.retryOfId !== undefined && { retryOfId: filter.retryOfId }),
    ...(filter.scheduleId !== undefined && { scheduleId: filter.scheduleId }),
    // An id begins with its time of creation, so this is a range of the index that also gives the order.
    ...(filter.createdAt && {
      id: {
        ...(filter.createdAt.since && {
          gte: firstIdAt(idPrefixes.reportRun, storable(filter.createdAt.since)),
        }),
        ...(filter.createdAt.until && {
          lt: firstIdAt(idPrefixes.reportRun, storable(filter.createdAt.until)),
        }),
      },
    }),
    ...(filter.finishedAt && {
      finishedAt: {
        ...(filter.finishedAt.since && { gte: storable(filter.finishedAt.since) }),
        ...(filter.finishedAt.until && { lt: storable(filter.finishedAt.until) }),
      },
    }),
    ...(typeof filter.isEmpty === 'boolean' && { rowCount: filter.isEmpty ? 0 : { gt: 0 } }),
  }
}

/**
 * One page of runs by keyset: as cheap at any depth. Runs that come or go between two pages change nothing for the
 * others; a run may be met twice, or not at all, only if the value that the list is ordered by changed meanwhile.
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

// The times that both a run and Postgres can have: from 1970 to the year 9999.
function storable(at: Date): Date {
  return new Date(Math.min(Math.max(at.getTime(), 0), 253_402_300_799_999))
}

function pageSize({ first, last }: PageRequest): number {
  if (typeof first === 'number' && typeof last === 'number') {
    throw new InputError('Give first or last, not both.', ['last'])
  }
  const size = first ?? last ?? defaultPage
  if (size < 1 || size > largestPage) {
    const argument = typeof first === 'number' ? 'first' : 'last'
    throw new InputError(`${argument} is ${size}; it has to be from 1 to ${largestPage}.`, [argument])
  }
  return size
}
