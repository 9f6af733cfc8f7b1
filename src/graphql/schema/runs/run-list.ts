import { GraphQLError, type GraphQLResolveInfo } from 'graphql'
import { InputError } from '../../../errors.ts'
import type { ReportRun } from '../../../postgres/generated/prisma/client.ts'
import { encodeEventCursor } from '../../../runs/follow/event-cursor.ts'
import { lastPosition } from '../../../runs/follow/event-log.ts'
import { encodeRunCursor } from '../../../runs/list/cursor.ts'
import { matching, type RunFilter } from '../../../runs/list/filter.ts'
import { listRuns, type PageRequest } from '../../../runs/list/list-runs.ts'
import { positionOf, type RunOrder } from '../../../runs/list/order.ts'
import { type Context, requireViewer } from '../../context.ts'
import { isSelected } from '../../selection.ts'

/** A page of runs as the schema shows it. */
export type RunList = {
  edges: { cursor: string; node: ReportRun }[]
  pageInfo: {
    hasNextPage: boolean
    hasPreviousPage: boolean
    startCursor: string | null
    endCursor: string | null
  }
  countAll: () => Promise<number>
  /** Where the log stood before the page was read; read only when it is asked for. */
  eventCursor: string | null
}

/** @throws GraphQLError that names the argument at fault */
export function throwBadArgument(error: unknown): never {
  if (!(error instanceof InputError)) throw error
  throw new GraphQLError(error.message, { extensions: { code: 'BAD_USER_INPUT', argument: error.path[0] } })
}

/** Reads a page of the runs that the viewer may see. */
export async function readRunList(
  context: Context,
  filter: RunFilter,
  order: RunOrder,
  page: PageRequest,
  info: GraphQLResolveInfo,
): Promise<RunList> {
  const viewer = requireViewer(context)
  try {
    // It comes before the page: what happens in between is then told after this cursor, and not lost.
    const position = isSelected(info, 'cursor') ? await lastPosition(context.prisma, viewer) : null
    const { runs, hasNextPage, hasPreviousPage } = await listRuns(context.prisma, viewer, filter, order, page)
    const edges = runs.map((node) => ({ node, cursor: encodeRunCursor(positionOf(node, order.field)) }))
    return {
      edges,
      pageInfo: {
        hasNextPage,
        hasPreviousPage,
        startCursor: edges[0]?.cursor ?? null,
        endCursor: edges.at(-1)?.cursor ?? null,
      },
      countAll: () => context.prisma.reportRun.count({ where: matching(viewer, filter) }),
      eventCursor: position === null ? null : encodeEventCursor(viewer, { position, snapshotsAfter: null }),
    }
  } catch (error) {
    return throwBadArgument(error)
  }
}
