import type { GraphQLResolveInfo, SelectionSetNode } from 'graphql'
import type { ReportRun as ReportRunRow } from '../../../postgres/generated/prisma/client.ts'
import { encodeEventCursor, lastPosition } from '../../../runs/follow/event-log.ts'
import { matching, type RunFilter } from '../../../runs/list/filter.ts'
import { listRuns, type PageRequest } from '../../../runs/list/list-runs.ts'
import {
  type Direction,
  encodeRunCursor,
  type OrderField,
  positionOf,
  type RunOrder,
} from '../../../runs/list/order.ts'
import { builder, describedEnum } from '../../builder.ts'
import { connectionOf, type Page, pageOf } from '../../connection.ts'
import { type Context, requireViewer } from '../../context.ts'
import { namingArguments } from '../../errors.ts'
import { ReportRun, ReportRunOrigin, ReportRunStatus } from './report-run.ts'

type RunPage = Page<ReportRunRow> & {
  /** Where the event log stood before the page was read; null when it was not selected. */
  eventCursor: string | null
}

export const ReportRunConnection = connectionOf<ReportRunRow, RunPage>(ReportRun, {
  page: 'A page of runs.',
  edge: 'A run in a list.',
  totalCount: 'How many runs match, on all pages; counted only when it is selected.',
  fields: (t) => ({
    cursor: t.field({
      type: 'EventCursor',
      description:
        'Where the event log stood when the page was read: subscribe after it, and no change to what the page shows is missed.',
      resolve: ({ eventCursor }) => {
        if (eventCursor === null) throw new Error('The position of the log was not read with the page.')
        return eventCursor
      },
    }),
  }),
})

const TimeRangeInput = builder.inputType('TimeRangeInput', {
  description: 'A span of time; either end may be open.',
  fields: (t) => ({
    since: t.field({ type: 'DateTime', description: 'Inclusive start; open when absent.' }),
    until: t.field({ type: 'DateTime', description: 'Exclusive end; open when absent.' }),
  }),
})

export const ReportRunFilter = builder.inputType('ReportRunFilter', {
  description: 'Which runs to keep; a run has to meet every field that is given.',
  fields: (t) => ({
    status: t.field({ type: [ReportRunStatus], description: 'It has one of these.' }),
    reportType: t.stringList({ description: 'It is of any of these types, by name.' }),
    tags: t.stringList({ description: 'It has all of these.' }),
    requestedBy: t.idList({ description: 'Any of these actors asked for it.' }),
    origin: t.field({ type: [ReportRunOrigin], description: 'It came about in one of these ways.' }),
    createdAt: t.field({ type: TimeRangeInput, description: 'It was asked for in this time.' }),
    finishedAt: t.field({ type: TimeRangeInput, description: 'It ended in this time.' }),
    isEmpty: t.boolean({ description: 'True: it succeeded without rows. False: it succeeded with some.' }),
  }),
})

const ReportRunOrderField = describedEnum<OrderField>('ReportRunOrderField', 'What runs can be sorted by.', {
  CREATED_AT: 'When it was asked for.',
  FINISHED_AT: 'When it ended; unfinished runs count as latest.',
  BYTE_SIZE: 'Size of the result; runs without one count as largest.',
  RUN_DURATION: 'Time spent running; unfinished runs count as longest.',
})

const OrderDirection = describedEnum<Direction>('OrderDirection', 'Which end of an order comes first.', {
  ASC: 'Oldest, smallest or shortest first.',
  DESC: 'Newest, largest or longest first.',
})

const ReportRunOrder = builder.inputType('ReportRunOrder', {
  description: 'Order of runs.',
  fields: (t) => ({
    field: t.field({ type: ReportRunOrderField, required: true, description: 'By this.' }),
    direction: t.field({ type: OrderDirection, required: true, description: 'Which way.' }),
  }),
})

const newestFirst = { field: 'CREATED_AT', direction: 'DESC' } as const

builder.queryField('reportRuns', (t) =>
  t.field({
    type: ReportRunConnection,
    description:
      "Runs of the key's account and mode, newest first unless ordered otherwise; 20 a page, at most 100.",
    args: {
      ...t.arg.connectionArgs(),
      filter: t.arg({ type: ReportRunFilter, description: 'Which runs to list; all when absent.' }),
      orderBy: t.arg({
        type: ReportRunOrder,
        defaultValue: newestFirst,
        description: 'Order; ties are broken by id, which is by time of creation.',
      }),
    },
    resolve: (_root, { filter, orderBy, ...page }, context, info) =>
      readRunPage(context, filter ?? {}, page, info, orderBy ?? newestFirst),
  }),
)

builder.prismaObjectField('ReportRun', 'retries', (t) =>
  t.field({
    type: ReportRunConnection,
    description: 'Runs that repeat this one, newest first; 20 a page, at most 100.',
    args: t.arg.connectionArgs(),
    resolve: ({ id }, page, context, info) => readRunPage(context, { retryOfId: id }, page, info),
  }),
)

export async function readRunPage(
  context: Context,
  filter: RunFilter,
  page: PageRequest,
  info: GraphQLResolveInfo,
  order: RunOrder = newestFirst,
): Promise<RunPage> {
  const { prisma } = context
  const viewer = requireViewer(context)
  // It comes before the page: what happens in between is then sent after this cursor, and not lost.
  const position = isSelected(info, 'cursor') ? await lastPosition(prisma, viewer) : null
  const { runs, ...ends } = await namingArguments(() => listRuns(prisma, viewer, filter, order, page))
  const cursorOf = (run: ReportRunRow): string => encodeRunCursor(positionOf(run, order.field))
  const countAll = () => prisma.reportRun.count({ where: matching(viewer, filter) })
  return {
    ...pageOf(runs, cursorOf, ends, countAll),
    eventCursor: position === null ? null : encodeEventCursor(viewer, { position, snapshotsAfter: null }),
  }
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
