import type { GraphQLResolveInfo, SelectionSetNode } from 'graphql'
import type { CountedPage, PageRequest } from '../../../page.ts'
import type { ReportRun as ReportRunRow } from '../../../postgres/generated/prisma/client.ts'
import { encodeEventCursor, lastPosition } from '../../../runs/follow/event-log.ts'
import type { RunFilter } from '../../../runs/list/filter.ts'
import { listRuns } from '../../../runs/list/list-runs.ts'
import type { Direction, OrderField, RunOrder } from '../../../runs/list/order.ts'
import { builder, describedEnum } from '../../builder.ts'
import { connectionOf, readConnection } from '../../connection.ts'
import { type Context, requireViewer } from '../../context.ts'
import { DateTimeRangeInput } from '../date-time-range.ts'
import { ReportRun, ReportRunOrigin, ReportRunStatus } from './report-run.ts'

type RunPage = CountedPage<ReportRunRow> & {
  /** Where the event log stood before the page was read; null when it was not selected. */
  eventCursor: string | null
}

export const ReportRunConnection = connectionOf<ReportRunRow, RunPage>(ReportRun, {
  page: 'A page of runs.',
  edge: 'A run in a list.',
  fields: (t) => ({
    totalCount: t.int({
      description: 'The number of runs that match, on all pages. It is counted only when it is selected.',
      resolve: ({ count }) => count(),
    }),
    eventCursor: t.field({
      type: 'EventCursor',
      description:
        'The end of the event log when the page was read. Subscribe after it to receive every later change of the runs on the page.',
      resolve: ({ eventCursor }) => {
        if (eventCursor === null) throw new Error('The position of the log was not read with the page.')
        return eventCursor
      },
    }),
  }),
})

export const ReportRunFilterInput = builder.inputType('ReportRunFilterInput', {
  description: 'Which runs to return. A run must match every field that is given.',
  fields: (t) => ({
    statuses: t.field({ type: [ReportRunStatus], description: 'The run has one of these statuses.' }),
    reportTypes: t.stringList({ description: 'The run is of one of these report types, by name.' }),
    allTags: t.stringList({ description: 'The run has all of these tags.' }),
    anyTags: t.stringList({ description: 'The run has at least one of these tags.' }),
    requestedByIds: t.idList({ description: 'One of the actors with these global ids requested the run.' }),
    origins: t.field({ type: [ReportRunOrigin], description: 'The run has one of these origins.' }),
    createdAt: t.field({ type: DateTimeRangeInput, description: 'The run was created in this range.' }),
    finishedAt: t.field({ type: DateTimeRangeInput, description: 'The run ended in this range.' }),
    isEmpty: t.boolean({
      description: 'True: the run succeeded without rows. False: the run succeeded with rows.',
    }),
  }),
})

const ReportRunOrderField = describedEnum<OrderField>('ReportRunOrderField', 'What runs can be ordered by.', {
  CREATED_AT: 'When the run was created.',
  FINISHED_AT: 'When the run ended; unfinished runs count as latest.',
  BYTE_SIZE: 'The size of the result; runs without a result count as largest.',
  RUN_DURATION: 'The time spent running; unfinished runs count as longest.',
})

const OrderDirection = describedEnum<Direction>('OrderDirection', 'Which end of an order comes first.', {
  ASC: 'Oldest, smallest or shortest first.',
  DESC: 'Newest, largest or longest first.',
})

const ReportRunOrderInput = builder.inputType('ReportRunOrderInput', {
  description: 'The order of a list of runs.',
  fields: (t) => ({
    field: t.field({ type: ReportRunOrderField, required: true, description: 'What to order the runs by.' }),
    direction: t.field({ type: OrderDirection, required: true, description: 'The direction of the order.' }),
  }),
})

const newestFirst = { field: 'CREATED_AT', direction: 'DESC' } as const
const pageSizes = { default: 20, max: 100 }

builder.queryField('reportRuns', (t) =>
  t.field({
    type: ReportRunConnection,
    description:
      "The runs of the key's account and mode, newest first unless ordered otherwise. Returns 20 a page by default, at most 100.",
    args: {
      ...t.arg.connectionArgs(),
      filter: t.arg({ type: ReportRunFilterInput, description: 'Which runs to return; all when absent.' }),
      orderBy: t.arg({
        type: ReportRunOrderInput,
        defaultValue: newestFirst,
        description: 'The order of the list. Runs with the same value are ordered by their creation.',
      }),
    },
    resolve: (_root, { filter, orderBy, ...page }, context, info) =>
      readRunPage(context, filter ?? {}, page, info, orderBy ?? newestFirst),
  }),
)

builder.prismaObjectField('ReportRun', 'retries', (t) =>
  t.field({
    type: ReportRunConnection,
    description: 'The retries of the run, newest first. Returns 20 a page by default, at most 100.',
    args: t.arg.connectionArgs(),
    resolve: ({ id }, page, context, info) => readRunPage(context, { retryOfId: id }, page, info),
  }),
)

export async function readRunPage(
  context: Context,
  filter: RunFilter,
  request: PageRequest,
  info: GraphQLResolveInfo,
  order: RunOrder = newestFirst,
): Promise<RunPage> {
  const { prisma } = context
  const viewer = requireViewer(context)
  // It comes before the page: what happens in between is then sent after this cursor, and not lost.
  const position = isSelected(info, 'eventCursor') ? await lastPosition(prisma, viewer) : null
  const page = await readConnection(() => listRuns(prisma, viewer, filter, order), request, pageSizes)
  const eventCursor = position === null ? null : encodeEventCursor(viewer, { position, snapshotsAfter: null })
  return { ...page, eventCursor }
}

/** True when a field of the resolved object may be asked for; whether a directive leaves it out is not looked at. */
function isSelected({ fieldNodes, fragments }: GraphQLResolveInfo, name: string): boolean {
  const selects = (set: SelectionSetNode | undefined): boolean =>
    set?.selections.some((selection) => {
      if (selection.kind === 'Field') return selection.name.value === name
      if (selection.kind === 'InlineFragment') return selects(selection.selectionSet)
      return selects(fragments[selection.name.value]?.selectionSet)
    }) ?? false
  return fieldNodes.some(({ selectionSet }) => selects(selectionSet))
}
