import { GraphQLError } from 'graphql'
import { InputError } from '../../errors.ts'
import { listRuns, matching, type RunFilter } from '../../runs/list-runs.ts'
import { encodeRunCursor } from '../../runs/run-cursor.ts'
import { positionOf } from '../../runs/run-order.ts'
import { builder } from '../builder.ts'
import { requireViewer } from '../context.ts'
import { ReportRun, ReportRunStatus } from './report-run.ts'

const TimeRangeInput = builder.inputType('TimeRangeInput', {
  description: 'A span of time; either end may be open.',
  fields: (t) => ({
    since: t.field({ type: 'DateTime', description: 'Inclusive start; open when absent.' }),
    until: t.field({ type: 'DateTime', description: 'Exclusive end; open when absent.' }),
  }),
})

const ReportRunFilter = builder.inputType('ReportRunFilter', {
  description: 'Which runs to keep; a run has to meet every field that is given.',
  fields: (t) => ({
    status: t.field({ type: [ReportRunStatus], description: 'It has one of these.' }),
    reportType: t.stringList({ description: 'It is of any of these types, by name.' }),
    tags: t.stringList({ description: 'It has all of these.' }),
    requestedBy: t.idList({ description: 'Any of these actors asked for it.' }),
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

const newestFirst = { field: 'CREATED_AT', direction: 'DESC' } as const

builder.queryField('reportRuns', (t) =>
  t.connection(
    {
      type: ReportRun,
      description:
        "Runs of the key's account and mode, newest first unless ordered otherwise; 20 a page, at most 100.",
      args: {
        filter: t.arg({ type: ReportRunFilter, description: 'Which runs to list; all when absent.' }),
        orderBy: t.arg({
          type: ReportRunOrder,
          defaultValue: newestFirst,
          description: 'Order; ties are broken by id, which is by time of creation.',
        }),
      },
      resolve: async (_root, { filter, orderBy, ...page }, context) => {
        const viewer = requireViewer(context)
        const kept: RunFilter = filter ?? {}
        const order = orderBy ?? newestFirst
        try {
          const { runs, hasNextPage, hasPreviousPage } = await listRuns(
            context.prisma,
            viewer,
            kept,
            order,
            page,
          )
          const edges = runs.map((node) => ({ node, cursor: encodeRunCursor(positionOf(node, order.field)) }))
          const pageInfo = {
            hasNextPage,
            hasPreviousPage,
            startCursor: edges[0]?.cursor ?? null,
            endCursor: edges.at(-1)?.cursor ?? null,
          }
          return {
            edges,
            pageInfo,
            countAll: () => context.prisma.reportRun.count({ where: matching(viewer, kept) }),
          }
        } catch (error) {
          if (!(error instanceof InputError)) throw error
          throw new GraphQLError(error.message, {
            extensions: { code: 'BAD_USER_INPUT', argument: error.path[0] },
          })
        }
      },
    },
    {
      name: 'ReportRunConnection',
      description: 'A page of runs.',
      fields: (c) => ({
        totalCount: c.int({
          description: 'How many runs match, on all pages; counted only when it is selected.',
          resolve: (page) => page.countAll(),
        }),
      }),
    },
    { name: 'ReportRunEdge', description: 'A run in a list.' },
  ),
)
