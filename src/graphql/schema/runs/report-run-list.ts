import { builder } from '../../builder.ts'
import { ReportRun, ReportRunOrigin, ReportRunStatus } from './report-run.ts'
import { type RunList, readRunList } from './run-list.ts'

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

const ReportRunOrderField = builder.enumType('ReportRunOrderField', {
  description: 'What runs can be sorted by.',
  values: {
    CREATED_AT: { description: 'When it was asked for.' },
    FINISHED_AT: { description: 'When it ended; unfinished runs count as latest.' },
    BYTE_SIZE: { description: 'Size of the result; runs without one count as largest.' },
    RUN_DURATION: { description: 'Time spent running; unfinished runs count as longest.' },
  },
})

const OrderDirection = builder.enumType('OrderDirection', {
  description: 'Which end of an order comes first.',
  values: {
    ASC: { description: 'Oldest, smallest or shortest first.' },
    DESC: { description: 'Newest, largest or longest first.' },
  },
})

const ReportRunOrder = builder.inputType('ReportRunOrder', {
  description: 'Order of runs.',
  fields: (t) => ({
    field: t.field({ type: ReportRunOrderField, required: true, description: 'By this.' }),
    direction: t.field({ type: OrderDirection, required: true, description: 'Which way.' }),
  }),
})

export const newestFirst = { field: 'CREATED_AT', direction: 'DESC' } as const

const ReportRunEdge = builder.objectRef<RunList['edges'][number]>('ReportRunEdge').implement({
  description: 'A run in a list.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', { description: 'Opaque place in the list, for `after` and `before`.' }),
    node: t.expose('node', { type: ReportRun, description: 'What is at this place.' }),
  }),
})

export const ReportRunConnection = builder.objectRef<RunList>('ReportRunConnection').implement({
  description: 'A page of runs.',
  fields: (t) => ({
    edges: t.expose('edges', {
      type: [ReportRunEdge],
      description: 'What is on the page, each with its cursor.',
    }),
    nodes: t.field({
      type: [ReportRun],
      description: 'What is on the page, without cursors.',
      resolve: ({ edges }) => edges.map(({ node }) => node),
    }),
    pageInfo: t.expose('pageInfo', {
      type: builder.pageInfoRef(),
      description: 'Where the page lies in its list.',
    }),
    totalCount: t.int({
      description: 'How many runs match, on all pages; counted only when it is selected.',
      resolve: ({ countAll }) => countAll(),
    }),
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
      readRunList(context, filter ?? {}, orderBy ?? newestFirst, page, info),
  }),
)

builder.prismaObjectField('ReportRun', 'retries', (t) =>
  t.field({
    type: ReportRunConnection,
    description: 'Runs that repeat this one, newest first; 20 a page, at most 100.',
    args: t.arg.connectionArgs(),
    resolve: ({ id }, page, context, info) =>
      readRunList(context, { retryOfId: id }, newestFirst, page, info),
  }),
)
