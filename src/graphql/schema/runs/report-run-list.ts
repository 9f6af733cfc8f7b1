import type { GraphQLResolveInfo } from 'graphql'
import type { CountedPage, PageRequest } from '../../../page.ts'
import { encodeEventCursor, readLogEnd } from '../../../runs/follow/event-log.ts'
import type { RunFilter } from '../../../runs/list/filter.ts'
import { listRuns } from '../../../runs/list/list-runs.ts'
import type { Direction, OrderField, RunOrder } from '../../../runs/list/order.ts'
import type { ListedRun } from '../../../runs/list/run-rows.ts'
import { builder, describedEnum } from '../../builder.ts'
import { connectionOf, countFields, pageCost, readConnection } from '../../connection.ts'
import { type Context, requireViewer } from '../../context.ts'
import { argumentCostsExtension, costExtension } from '../../plugins/document-cost.ts'
import { DateTimeRangeInput } from '../date-time-range.ts'
import { ReportRun, ReportRunOrigin, ReportRunStatus } from './report-run.ts'
import { readRunSelection } from './run-selection.ts'

type RunPage = CountedPage<ListedRun> & {
  /** The end of the event log before the page was read; null when the field is not selected. */
  eventCursor: string | null
}

export const ReportRunConnection = connectionOf<ListedRun, RunPage>(ReportRun, {
  page: 'A page of runs.',
  edge: 'A run in a list.',
  node: 'The run.',
  fields: (t) => ({
    ...countFields(t, 'matching runs'),
    eventCursor: t.field({
      type: 'EventCursor',
      description:
        'The end of the event log when the page was read. Pass it as `after` to receive every later change of the runs on the page.',
      resolve: ({ eventCursor }) => {
        if (eventCursor === null) throw new Error('The position of the event log was not read with the page.')
        return eventCursor
      },
    }),
  }),
})

export const ReportRunFilterInput = builder.inputType('ReportRunFilterInput', {
  description: 'The runs to return. A run must match every field that is given.',
  fields: (t) => ({
    statuses: t.field({ type: [ReportRunStatus], description: 'Runs with one of these statuses.' }),
    reportTypes: t.stringList({ description: 'Runs of one of these report types, by name.' }),
    allTags: t.stringList({ description: 'Runs with all of these tags.' }),
    anyTags: t.stringList({ description: 'Runs with at least one of these tags.' }),
    requestedByIds: t.idList({ description: 'Runs that one of these actors requested, by global ID.' }),
    origins: t.field({ type: [ReportRunOrigin], description: 'Runs with one of these origins.' }),
    createdAt: t.field({ type: DateTimeRangeInput, description: 'Runs that were created in this range.' }),
    finishedAt: t.field({ type: DateTimeRangeInput, description: 'Runs that ended in this range.' }),
    isEmpty: t.boolean({
      description: 'True for runs that succeeded without rows, false for runs that succeeded with rows.',
    }),
  }),
})

const ReportRunOrderField = describedEnum<OrderField>(
  'ReportRunOrderField',
  'The fields by which runs can be sorted.',
  {
    CREATED_AT: 'When the run was created.',
    FINISHED_AT: 'When the run ended. Runs that have not ended count as latest.',
    BYTE_SIZE: 'The size of the result, in bytes. Runs without a result count as largest.',
    RUN_DURATION: 'The time from start to end. Runs that have not ended count as longest.',
  },
)

const OrderDirection = describedEnum<Direction>('OrderDirection', 'The directions to sort in.', {
  ASC: 'Ascending: oldest, smallest or shortest first.',
  DESC: 'Descending: newest, largest or longest first.',
})

const ReportRunOrderInput = builder.inputType('ReportRunOrderInput', {
  description: 'The order of a list of runs.',
  fields: (t) => ({
    field: t.field({ type: ReportRunOrderField, required: true, description: 'The field to sort by.' }),
    direction: t.field({ type: OrderDirection, required: true, description: 'The direction to sort in.' }),
  }),
})

/** A list with a filter can visit many runs that do not match. */
const filterCost = 500

const newestFirst = { field: 'CREATED_AT', direction: 'DESC' } as const
const pageSizes = { default: 20, max: 100 }

builder.queryField('reportRuns', (t) =>
  t.field({
    type: ReportRunConnection,
    description:
      "The runs of the viewer's account and mode, by default newest first. Returns 20 runs per page by default, at most 100. A page costs the same at any depth and in any order; with a filter that few runs match, it takes longer, because the gateway searches the runs.",
    extensions: { [costExtension]: pageCost, [argumentCostsExtension]: { filter: filterCost } },
    args: {
      ...t.arg.connectionArgs(),
      filter: t.arg({ type: ReportRunFilterInput, description: 'The runs to return. Default: all runs.' }),
      orderBy: t.arg({
        type: ReportRunOrderInput,
        defaultValue: newestFirst,
        description: 'The order of the list. Runs with the same value are sorted by creation time.',
      }),
    },
    resolve: (_root, { filter, orderBy, ...page }, context, info) =>
      readRunPage(context, filter ?? {}, page, info, orderBy ?? newestFirst),
  }),
)

builder.prismaObjectField('ReportRun', 'retries', (t) =>
  t.field({
    type: ReportRunConnection,
    description: 'The retries of the run, newest first. Returns 20 runs per page by default, at most 100.',
    extensions: { [costExtension]: pageCost },
    args: t.arg.connectionArgs(),
    resolve: ({ id }, page, context, info) => readRunPage(context, { retryOfId: id }, page, info),
  }),
)

/** Reads a page of runs, with the event cursor when it is selected. */
export async function readRunPage(
  context: Context,
  filter: RunFilter,
  request: PageRequest,
  info: GraphQLResolveInfo,
  order: RunOrder = newestFirst,
): Promise<RunPage> {
  const { prisma } = context
  const viewer = requireViewer(context)
  const selection = readRunSelection(info)
  // Read before the page, so that changes in between are sent after this cursor and not lost.
  const end = selection.withCursor ? await readLogEnd(prisma, viewer) : null
  const list = () => listRuns(context, viewer, filter, order, selection)
  const page = await readConnection(list, request, pageSizes)
  return { ...page, eventCursor: end && encodeEventCursor(viewer, end) }
}
