import type { Temporal } from 'temporal-polyfill'
import { jsonObject } from '../../../json.ts'
import type {
  ReportRunOrigin as OriginValue,
  ReportRun as ReportRunRow,
  ReportRunStatus as StatusValue,
} from '../../../postgres/generated/prisma/client.ts'
import { pollAfter } from '../../../runs/estimate/queue-place.ts'
import { followRun } from '../../../runs/follow/follow-run.ts'
import { isCancelable, isFinal } from '../../../runs/lifecycle/transition.ts'
import { findRun, isVisibleTo, visibleRun } from '../../../runs/list/find-run.ts'
import { builder, describedEnum } from '../../builder.ts'
import { type Context, requireViewer } from '../../context.ts'
import { toDuration } from '../../scalars.ts'
import { subscriptionStream } from '../../transports/subscription-stream.ts'
import { ReportResult } from '../files/report-result.ts'
import { ReportType } from '../reports/report-type.ts'
import { IdempotencyErrorRef, StatusError, UserError } from '../user-errors.ts'
import { Actor } from '../viewer/viewer.ts'
import {
  ReportRunCancellation,
  ReportRunFailure,
  ReportRunProgress,
  ReportRunQueueStatus,
} from './report-run-details.ts'

export const ReportRunStatus = describedEnum<StatusValue>(
  'ReportRunStatus',
  'Where a run stands. New values may be added; treat unknown ones by `isFinal`.',
  {
    PENDING: 'Accepted, not started.',
    RUNNING: 'Being made.',
    CANCELING: 'Asked to stop, not stopped yet.',
    SUCCEEDED: 'Done, also when there are no rows.',
    FAILED: 'Ended with `failure` set.',
    CANCELED: 'Stopped on request.',
  },
)

export const ReportRunOrigin = describedEnum<OriginValue>(
  'ReportRunOrigin',
  'How a run came about. New values may be added.',
  {
    API: 'By createReportRun.',
    RETRY: 'By retryReportRun.',
    SCHEDULE: 'By a schedule; see createReportSchedule.',
  },
)

export const ReportRun = builder.prismaNode('ReportRun', {
  description: 'One request for a report and all that came of it.',
  id: { field: 'id', description: 'Global id of the run.' },
  nullable: true,
  findUnique: (id, context) => ({ id, ...visibleRun(requireViewer(context)) }),
  fields: (t) => ({
    version: t.exposeInt('version', {
      description: 'Grows by one at each change; drop any copy with a smaller one.',
    }),
    reportType: t.field({
      type: ReportType,
      description: 'What was asked for.',
      resolve: ({ reportType }, _args, { catalog }) => catalog.describe(reportType),
    }),
    parameters: t.field({
      type: 'JSONObject',
      description: 'Parameters as accepted, with defaults filled in; instants are RFC 3339 text in UTC.',
      resolve: ({ parameters }) => jsonObject(parameters),
    }),
    label: t.exposeString('label', {
      nullable: true,
      description: 'Label for people; null when none was given.',
    }),
    tags: t.exposeStringList('tags', { description: 'Tags, each once.' }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Metadata as given; empty when none was.',
      resolve: ({ metadata }) => jsonObject(metadata),
    }),
    livemode: t.exposeBoolean('livemode', { description: 'False in test mode.' }),
    status: t.expose('status', { type: ReportRunStatus, description: 'Where it stands.' }),
    isFinal: t.boolean({
      description: 'True when the status will never change again.',
      resolve: ({ status }) => isFinal(status),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked for.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it left the queue; null while it waits, and when it was stopped there.',
    }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended, however it ended; null before.',
    }),
    queueDuration: t.field({
      type: 'Duration',
      description: 'Time in the queue, so far when it is still there; waiting for data counts, too.',
      resolve: (run, _args, { now }) =>
        durationBetween(run.createdAt, run.startedAt ?? run.finishedAt ?? now()),
    }),
    runDuration: t.field({
      type: 'Duration',
      nullable: true,
      description: 'Time running, so far when it still is; null when it has not started.',
      resolve: (run, _args, { now }) =>
        run.startedAt && durationBetween(run.startedAt, run.finishedAt ?? now()),
    }),
    queue: t.field({
      type: ReportRunQueueStatus,
      nullable: true,
      description: 'Its place in the queue; null unless it is PENDING.',
      resolve: (run, _args, { queuePlaces }) => (run.status === 'PENDING' ? queuePlaces.load(run) : null),
    }),
    pollAfter: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When it makes sense to ask again, for clients that do not subscribe: its estimated end, or after a quarter of its age, but 1 to 30 seconds from now, or up to 5 minutes while it waits for data. Null when it has ended.',
      resolve: (run, _args, { now }) => pollAfter(run, now()),
    }),
    progress: t.field({
      type: ReportRunProgress,
      nullable: true,
      description:
        'How far it has come, measured at most four times a second; null before it was measured first.',
      resolve: (run) => (run.measuredAt ? { ...run, measuredAt: run.measuredAt } : null),
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the files of its result are deleted; null before it SUCCEEDED, and when it ended otherwise, unless updateReportRun has set it.',
    }),
    result: t.field({
      type: ReportResult,
      nullable: true,
      description: 'What it produced; null unless it SUCCEEDED.',
      resolve: (run) => (run.status === 'SUCCEEDED' ? run : null),
    }),
    failure: t.field({
      type: ReportRunFailure,
      nullable: true,
      description: 'Why it failed; null unless it FAILED.',
      resolve: (run) => (run.status === 'FAILED' ? run : null),
    }),
    cancellation: t.field({
      type: ReportRunCancellation,
      nullable: true,
      description: 'Who asked it to stop, and why; null when nobody did.',
      resolve: (run) => (run.cancelRequestedAt ? { ...run, cancelRequestedAt: run.cancelRequestedAt } : null),
    }),
    requestedBy: t.field({
      type: Actor,
      nullable: true,
      description: 'Who asked for it; null when that is not known any more.',
      resolve: (run, _args, { loaders }) => loaders.apiKeyOf(run, run.requestedById),
    }),
    origin: t.expose('origin', { type: ReportRunOrigin, description: 'How it came about.' }),
    attempt: t.exposeInt('attempt', {
      description: '1, or for a retry one more than that of the run it repeats.',
    }),
    viewerCanCancel: t.boolean({
      description: 'True when the viewer may stop it now.',
      resolve: ({ status }) => isCancelable(status),
    }),
    viewerCanRetry: t.boolean({
      description: 'True when the viewer may repeat it now.',
      resolve: ({ status }) => isFinal(status),
    }),
    viewerCanDelete: t.boolean({
      description: 'True when the viewer may delete it now.',
      resolve: ({ status }) => isFinal(status),
    }),
  }),
})

builder.prismaObjectField('ReportRun', 'retryOf', (t) =>
  t.field({
    type: ReportRun,
    nullable: true,
    description: 'The run that this one repeats; null when it repeats none, and when that one was deleted.',
    resolve: async ({ retryOfId }, _args, context) => {
      const run = retryOfId === null ? null : await context.runLoader.load(retryOfId)
      return isVisibleTo(run, requireViewer(context)) ? run : null
    },
  }),
)

StatusError.implement({
  description: 'The status of the run does not allow it.',
  interfaces: [UserError],
  fields: (t) => ({
    reportRun: t.field({
      type: ReportRun,
      nullable: true,
      description: 'The run as it is now; null when it has been deleted in the meantime.',
      resolve: runOfError,
    }),
  }),
})

IdempotencyErrorRef.implement({
  description: 'The idempotency key was used with another request.',
  interfaces: [UserError],
  fields: (t) => ({
    existingRun: t.field({
      type: ReportRun,
      nullable: true,
      description:
        'The run that was made with that key; null when it has been deleted in the meantime, and the key is free again.',
      resolve: runOfError,
    }),
  }),
})

builder.queryField('reportRun', (t) =>
  t.field({
    type: ReportRun,
    nullable: true,
    description: 'One run; null when it does not exist or the viewer may not see it.',
    args: { id: t.arg.id({ required: true, description: 'Global id of the run.' }) },
    resolve: (_root, { id }, context) => findRun(context.prisma, requireViewer(context), id),
  }),
)

builder.subscriptionField('reportRun', (t) =>
  t.field({
    type: ReportRun,
    description:
      'The run as it is, at once, then again after every change; complete after its final state. A slow reader skips states in between, never the last one.',
    args: { id: t.arg.id({ required: true, description: 'Global id of the run to follow.' }) },
    subscribe: (_root, { id }, context) =>
      subscriptionStream(context, () => followRun(context, requireViewer(context), id)),
    resolve: (run) => run,
  }),
)

/** From one instant to another; never negative, as clocks of two machines may differ. */
function durationBetween(from: Date, to: Date): Temporal.Duration {
  return toDuration(Math.max(0, to.getTime() - from.getTime()))
}

function runOfError(
  { error }: { error: { runId: string } },
  _args: object,
  context: Context,
): Promise<ReportRunRow | null> {
  return findRun(context.prisma, requireViewer(context), error.runId)
}
