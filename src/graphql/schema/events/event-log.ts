import { Temporal } from 'temporal-polyfill'
import { InputError } from '../../../errors.ts'
import { type Page, type PageRequest, type PageSizes, readPageSize } from '../../../page.ts'
import { durationError, toMilliseconds } from '../../../runs/create/duration.ts'
import { type EventCursor, encodeEventCursor, hasEventsUpTo } from '../../../runs/follow/event-log.ts'
import { followRunEvents } from '../../../runs/follow/follow-run-events.ts'
import { deliverRunEvents } from '../../../runs/follow/live-events.ts'
import { readEventCursor, readRunEvents } from '../../../runs/follow/read-run-events.ts'
import type { RunEvent } from '../../../runs/follow/run-event.ts'
import { checkScope, type RunScope } from '../../../runs/list/filter.ts'
import { type ArgBuilder, builder } from '../../builder.ts'
import { connectionOf, pageCost } from '../../connection.ts'
import { type Context, requireViewer } from '../../context.ts'
import { namingArguments } from '../../errors.ts'
import { argumentCostsExtension, costExtension } from '../../plugins/document-cost.ts'
import { sharedDelivery } from '../../transports/shared-delivery.ts'
import { sharedStream, subscriptionStream } from '../../transports/subscription-stream.ts'
import { ReportRunFilterInput } from '../runs/report-run-list.ts'
import { ReportRunEvent } from './report-run-event.ts'

/** With a scope, a page loads the runs of up to 1,000 events. */
const scopeCost = 4_000

const scopeDescription = 'The runs whose events to return. Default: all runs that are visible to the viewer.'
const pageSizes = { default: 100, max: 500 }
const pageSizesOfRun = { default: 50, max: 500 }
const defaultProgressInterval = Temporal.Duration.from('PT1S')
const progressBounds = { min: Temporal.Duration.from('PT0S'), max: Temporal.Duration.from('P1D') }

const ReportRunScopeInput = builder.inputType('ReportRunScopeInput', {
  description: 'The runs whose events to return.',
  isOneOf: true,
  fields: (t) => ({
    id: t.id({ description: 'The run with this global ID.' }),
    filter: t.field({
      type: ReportRunFilterInput,
      description:
        'The runs that match this filter. The filter is applied to the current state of the run at each event.',
    }),
  }),
})

type EventPage = Page<RunEvent> & { eventCursor: string }

const ReportRunEventConnection = connectionOf<RunEvent, EventPage>(ReportRunEvent, {
  page: 'A page of the event log, oldest event first. When few events match the scope, a page can be empty although more events follow. With a filter in the scope, `hasNextPage` and `hasPreviousPage` are true when there may be more events.',
  edge: 'An event in the log.',
  node: 'The event.',
  cursorType: 'EventCursor',
  fields: (t) => ({
    eventCursor: t.expose('eventCursor', {
      type: 'EventCursor',
      description:
        'The position up to which the log was read, even when the page is empty. Pass it as `after` to read the events that follow.',
    }),
  }),
})

builder.queryField('reportRunEvents', (t) =>
  t.field({
    type: ReportRunEventConnection,
    description: `The events after a cursor, oldest first, for clients that poll. The subscription of the same name pushes the same events. Returns ${pageSizes.default} events per page by default, at most ${pageSizes.max}.`,
    extensions: { [costExtension]: pageCost, [argumentCostsExtension]: { scope: scopeCost } },
    args: {
      ...pageArgs(t.arg, pageSizes),
      scope: t.arg({ type: ReportRunScopeInput, description: scopeDescription }),
    },
    resolve: (_root, { scope, ...page }, context) => readEventPage(context, toScope(scope), page, pageSizes),
  }),
)

builder.prismaObjectField('ReportRun', 'events', (t) =>
  t.field({
    type: ReportRunEventConnection,
    description: `The events of the run that the log still holds, oldest first. Returns ${pageSizesOfRun.default} events per page by default, at most ${pageSizesOfRun.max}.`,
    extensions: { [costExtension]: pageCost },
    args: pageArgs(t.arg, pageSizesOfRun),
    resolve: ({ id }, page, context) => readEventPage(context, { kind: 'run', id }, page, pageSizesOfRun),
  }),
)

builder.subscriptionField('reportRunEvents', (t) =>
  t.field({
    type: ReportRunEvent,
    description:
      'Sends every event in order, without end. Pass the cursor of the last event, or the `eventCursor` of a mutation or a list, as `after`, so that no event is lost or repeated.',
    args: {
      scope: t.arg({ type: ReportRunScopeInput, description: scopeDescription }),
      after: t.arg({
        type: 'EventCursor',
        description:
          'Send events after this cursor. Default: send a snapshot of each run that has not ended, then the events from now on.',
      }),
      progressInterval: t.arg({
        type: 'Duration',
        defaultValue: defaultProgressInterval,
        description: 'The minimum time between two progress events of the same run, from PT0S to P1D.',
      }),
    },
    subscribe: (_root, { scope, after, progressInterval }, context, info) =>
      namingArguments(() => {
        const options = {
          scope: toScope(scope),
          after: readStart(context, after),
          progressInterval: readProgressInterval(progressInterval ?? defaultProgressInterval),
        }
        checkScope(options.scope)
        const viewer = requireViewer(context)
        const shared = sharedDelivery(context, info, cursorOf)
        if (!shared) return subscriptionStream(context, () => followRunEvents(context, viewer, options))
        const { services } = context
        return sharedStream(context, (signal) => deliverRunEvents(services, viewer, options, shared, signal))
      }),
    resolve: (event, _args, { delivered }) => {
      delivered.eventCursor = cursorOf(event)
      return event
    },
  }),
)

function cursorOf({ tenant, cursor }: RunEvent): string {
  return encodeEventCursor(tenant, cursor)
}

function toScope(scope: typeof ReportRunScopeInput.$inferInput | null | undefined): RunScope {
  if (typeof scope?.id === 'string') return { kind: 'run', id: scope.id }
  return scope?.filter ? { kind: 'filter', filter: scope.filter } : { kind: 'all' }
}

/** A client that reconnects sends the ID of its last event, with the `after` of its first request. */
function readStart(context: Context, after: string | null | undefined): EventCursor | null {
  const { lastEventId } = context
  if (lastEventId === null) return readAfter(context, after)
  try {
    return readAfter(context, lastEventId)
  } catch (error) {
    throw error instanceof InputError ? new InputError(`Last-Event-ID: ${error.message}`, []) : error
  }
}

function readAfter(context: Context, after: string | null | undefined): EventCursor | null {
  return typeof after === 'string' ? readEventCursor(requireViewer(context), after) : null
}

/** In milliseconds. */
function readProgressInterval(interval: Temporal.Duration): number {
  const error = durationError('progressInterval', interval, progressBounds)
  if (error) throw error
  return toMilliseconds(interval)
}

function pageArgs(arg: ArgBuilder, sizes: PageSizes) {
  return {
    first: arg.int({
      defaultValue: sizes.default,
      description: `Return at most this many events, from 1 to ${sizes.max}.`,
    }),
    after: arg({
      type: 'EventCursor',
      description:
        'Return events after this cursor. Default: start with the oldest event that the log still holds.',
    }),
  }
}

function readEventPage(
  context: Context,
  scope: RunScope,
  request: Pick<PageRequest, 'first' | 'after'>,
  sizes: PageSizes,
): Promise<EventPage> {
  return namingArguments(async () => {
    const { prisma } = context
    const viewer = requireViewer(context)
    checkScope(scope)
    const first = readPageSize(request, sizes)
    const after = readAfter(context, request.after)
    const { events, end, hasMore } = await readRunEvents(context, viewer, scope, after, first)
    const runId = scope.kind === 'run' ? scope.id : undefined
    return {
      edges: events.map((node) => ({ node, cursor: encodeEventCursor(node.tenant, node.cursor) })),
      hasNextPage: async () => hasMore,
      hasPreviousPage: async () => after !== null && hasEventsUpTo(prisma, viewer, after.position, runId),
      eventCursor: encodeEventCursor(viewer, end),
    }
  })
}
