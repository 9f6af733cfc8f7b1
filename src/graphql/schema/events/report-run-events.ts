import { InputError } from '../../../errors.ts'
import { followRunEvents } from '../../../runs/follow/follow-run-events.ts'
import { maxEventPage, readEventCursor, readRunEvents } from '../../../runs/follow/read-run-events.ts'
import { checkScope, type RunScope } from '../../../runs/follow/run-scope.ts'
import { builder } from '../../builder.ts'
import { type Context, requireViewer } from '../../context.ts'
import { toMilliseconds } from '../../duration.ts'
import { subscriptionStream } from '../../transports/subscription-stream.ts'
import { ReportRunFilter } from '../runs/report-run-list.ts'
import { throwBadArgument } from '../runs/run-list.ts'
import { defaultProgressInterval, ReportRunEvent, ReportRunEventPage } from './report-run-event.ts'

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

function readScope({ id, tags, filter, all }: typeof ReportRunScope.$inferInput): RunScope {
  if (typeof id === 'string') return { kind: 'run', id }
  if (filter) return { kind: 'filter', filter }
  if (tags) return { kind: 'filter', filter: { tags } }
  if (all) return { kind: 'all' }
  throw new InputError('scope.all is false, which chooses no run. Give true, or choose another way.', [
    'scope',
  ])
}

async function readPage(
  context: Context,
  { scope, after, first }: { scope: RunScope; after?: string | null | undefined; first: number },
) {
  const viewer = requireViewer(context)
  checkScope(scope)
  const cursor = typeof after === 'string' ? readEventCursor(viewer, after) : null
  return { tenant: viewer, ...(await readRunEvents(context, viewer, scope, cursor, first)) }
}

const defaultPage = 100

builder.queryField('reportRunEvents', (t) =>
  t.field({
    type: ReportRunEventPage,
    description: `Events after a cursor, oldest first: what the subscription of the same name pushes, for clients that poll. ${defaultPage} a page, at most ${maxEventPage}.`,
    args: {
      after: t.arg({
        type: 'EventCursor',
        description: 'Begin behind this; with the oldest event that is kept when absent.',
      }),
      first: t.arg.int({ defaultValue: defaultPage, description: `How many, 1 to ${maxEventPage}.` }),
      scope: t.arg({ type: ReportRunScope, description: 'Which runs; all when absent.' }),
    },
    resolve: async (_root, { after, first, scope }, context) => {
      try {
        const chosen: RunScope = scope ? readScope(scope) : { kind: 'all' }
        return await readPage(context, { scope: chosen, after, first: first ?? defaultPage })
      } catch (error) {
        return throwBadArgument(error)
      }
    },
  }),
)

const defaultRunPage = 50

builder.prismaObjectField('ReportRun', 'events', (t) =>
  t.field({
    type: ReportRunEventPage,
    description: `What happened to the run, oldest first, as far as the log is kept. ${defaultRunPage} a page, at most ${maxEventPage}.`,
    args: {
      first: t.arg.int({ defaultValue: defaultRunPage, description: `How many, 1 to ${maxEventPage}.` }),
      after: t.arg({
        type: 'EventCursor',
        description: 'Begin behind this; with the oldest event that is kept when absent.',
      }),
    },
    resolve: async ({ id }, { first, after }, context) => {
      try {
        return await readPage(context, { scope: { kind: 'run', id }, after, first: first ?? defaultRunPage })
      } catch (error) {
        return throwBadArgument(error)
      }
    },
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
    subscribe: (_root, { scope, after, progressInterval }, context) => {
      try {
        const viewer = requireViewer(context)
        const options = {
          scope: readScope(scope),
          after: typeof after === 'string' ? readEventCursor(viewer, after) : null,
          progressInterval: toMilliseconds(progressInterval ?? defaultProgressInterval),
        }
        checkScope(options.scope)
        return subscriptionStream(context, () => followRunEvents(context, viewer, options))
      } catch (error) {
        return throwBadArgument(error)
      }
    },
    resolve: (event) => event,
  }),
)
