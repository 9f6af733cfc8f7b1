import { Temporal } from 'temporal-polyfill'
import { InputError } from '../../../errors.ts'
import { type EventCursor, encodeEventCursor } from '../../../runs/follow/event-log.ts'
import { followRunEvents } from '../../../runs/follow/follow-run-events.ts'
import {
  maxEventPage,
  type RunEventPage,
  readEventCursor,
  readRunEvents,
} from '../../../runs/follow/read-run-events.ts'
import { checkScope, type RunScope } from '../../../runs/list/filter.ts'
import type { Tenant } from '../../../tenant.ts'
import { type ArgBuilder, builder } from '../../builder.ts'
import { type Context, requireViewer } from '../../context.ts'
import { namingArguments } from '../../errors.ts'
import { toMilliseconds } from '../../scalars.ts'
import { subscriptionStream } from '../../transports/subscription-stream.ts'
import { ReportRunFilter } from '../runs/report-run-list.ts'
import { ReportRunEvent } from './report-run-event.ts'

const defaultPageSize = 100
const defaultPageSizeOfRun = 50
const defaultProgressInterval = Temporal.Duration.from('PT1S')

const ReportRunScope = builder.inputType('ReportRunScope', {
  description: 'Which runs to hear of; exactly one way to choose them.',
  isOneOf: true,
  fields: (t) => ({
    id: t.id({ description: 'This run.' }),
    tags: t.stringList({ description: 'Runs that have all of these tags.' }),
    filter: t.field({
      type: ReportRunFilter,
      description: 'Runs that the filter keeps, judged at each event by the run as it is then.',
    }),
    all: t.boolean({ description: 'Every run that the viewer may see. It has to be true.' }),
  }),
})

const ReportRunEventPage = builder
  .objectRef<RunEventPage & { tenant: Tenant }>('ReportRunEventPage')
  .implement({
    description: 'A page of the event log.',
    fields: (t) => ({
      nodes: t.expose('events', {
        type: [ReportRunEvent],
        description: 'Oldest first; may be empty although more follow, when few events are in the scope.',
      }),
      endCursor: t.field({
        type: 'EventCursor',
        description: 'Pass it as `after` for what follows.',
        resolve: ({ tenant, end }) => encodeEventCursor(tenant, end),
      }),
      hasMore: t.exposeBoolean('hasMore', { description: 'True when more may be there already.' }),
    }),
  })

builder.queryField('reportRunEvents', (t) =>
  t.field({
    type: ReportRunEventPage,
    description: `Events after a cursor, oldest first: what the subscription of the same name pushes, for clients that poll. ${defaultPageSize} a page, at most ${maxEventPage}.`,
    args: {
      ...pageArgs(t.arg, defaultPageSize),
      scope: t.arg({ type: ReportRunScope, description: 'Which runs; all when absent.' }),
    },
    resolve: (_root, { after, first, scope }, context) =>
      readPage(context, () => (scope ? readScope(scope) : { kind: 'all' }), after, first ?? defaultPageSize),
  }),
)

builder.prismaObjectField('ReportRun', 'events', (t) =>
  t.field({
    type: ReportRunEventPage,
    description: `What happened to the run, oldest first, as far as the log is kept. ${defaultPageSizeOfRun} a page, at most ${maxEventPage}.`,
    args: pageArgs(t.arg, defaultPageSizeOfRun),
    resolve: ({ id }, { after, first }, context) =>
      readPage(context, () => ({ kind: 'run', id }), after, first ?? defaultPageSizeOfRun),
  }),
)

builder.subscriptionField('reportRunEvents', (t) =>
  t.field({
    type: ReportRunEvent,
    description:
      'Every event in order, without end. Pass the last cursor seen, of any event, mutation or list, and nothing is lost or repeated, whatever happened in between.',
    args: {
      scope: t.arg({ type: ReportRunScope, required: true, description: 'Which runs.' }),
      after: t.arg({
        type: 'EventCursor',
        description: 'Begin behind this; from now on when absent, after one snapshot of each live run.',
      }),
      progressInterval: t.arg({
        type: 'Duration',
        defaultValue: defaultProgressInterval,
        description: 'Least time between two events of progress of one run.',
      }),
    },
    subscribe: (_root, { scope, after, progressInterval }, context) =>
      namingArguments(() => {
        const options = {
          scope: readScope(scope),
          after: readAfter(context, after),
          progressInterval: toMilliseconds(progressInterval ?? defaultProgressInterval),
        }
        checkScope(options.scope)
        return subscriptionStream(context, () => followRunEvents(context, requireViewer(context), options))
      }),
    resolve: (event) => event,
  }),
)

function readScope({ id, tags, filter, all }: typeof ReportRunScope.$inferInput): RunScope {
  if (typeof id === 'string') return { kind: 'run', id }
  if (filter) return { kind: 'filter', filter }
  if (tags) return { kind: 'filter', filter: { tags } }
  if (all) return { kind: 'all' }
  throw new InputError('scope.all is false, which chooses no run. Give true, or choose another way.', [
    'scope',
  ])
}

function readAfter(context: Context, after: string | null | undefined): EventCursor | null {
  return typeof after === 'string' ? readEventCursor(requireViewer(context), after) : null
}

function pageArgs(arg: ArgBuilder, defaultSize: number) {
  return {
    after: arg({
      type: 'EventCursor',
      description: 'Begin behind this; with the oldest event that is kept when absent.',
    }),
    first: arg.int({ defaultValue: defaultSize, description: `How many, 1 to ${maxEventPage}.` }),
  }
}

function readPage(
  context: Context,
  scopeOf: () => RunScope,
  after: string | null | undefined,
  first: number,
): Promise<RunEventPage & { tenant: Tenant }> {
  return namingArguments(async () => {
    const tenant = requireViewer(context)
    const scope = scopeOf()
    checkScope(scope)
    return { tenant, ...(await readRunEvents(context, tenant, scope, readAfter(context, after), first)) }
  })
}
