import type { Temporal } from 'temporal-polyfill'
import { jsonObject } from '../../../json.ts'
import type {
  ReportRunOrigin as OriginValue,
  ReportRun as ReportRunRow,
  ReportRunStatus as StatusValue,
} from '../../../postgres/generated/prisma/client.ts'
import { pollAfter } from '../../../runs/estimate/queue-status.ts'
import { followRun } from '../../../runs/follow/follow-run.ts'
import { deliverRun } from '../../../runs/follow/live-run.ts'
import { isCancelable, isFinal } from '../../../runs/lifecycle/transition.ts'
import { findRun, isVisibleTo, visibleRun } from '../../../runs/list/find-run.ts'
import { builder, describedEnum } from '../../builder.ts'
import { type Context, requireViewer } from '../../context.ts'
import { costExtension } from '../../plugins/document-cost.ts'
import { toDuration } from '../../scalars.ts'
import { sharedDelivery } from '../../transports/shared-delivery.ts'
import { sharedStream, subscriptionStream } from '../../transports/subscription-stream.ts'
import { ReportOutput } from '../files/report-output.ts'
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
  'The statuses of a run. New values may be added; use `isFinal` to handle unknown values.',
  {
    PENDING: 'The run is accepted and has not started.',
    RUNNING: 'A worker is producing the report.',
    CANCELING: 'Cancellation is requested, and the run has not stopped yet.',
    SUCCEEDED: 'The run produced its result, which may have no rows.',
    FAILED: 'The run failed. `failure` states why.',
    CANCELED: 'The run was canceled.',
  },
)

export const ReportRunOrigin = describedEnum<OriginValue>(
  'ReportRunOrigin',
  'The origins of a run. New values may be added.',
  {
    API: 'The run was created by createReportRun.',
    RETRY: 'The run was created by retryReportRun.',
    SCHEDULE: 'The run was created by a schedule.',
  },
)

/** All waiting runs of the account are ranked. */
const queueCost = 20

export const ReportRun = builder.prismaNode('ReportRun', {
  description: 'A run of a report: its request, progress and result.',
  id: { field: 'id', description: 'The global ID of the run.' },
  nullable: true,
  findUnique: (id, context) => ({ id, ...visibleRun(requireViewer(context)) }),
  fields: (t) => ({
    version: t.exposeInt('version', {
      description:
        'The version of the run, which grows by one with each change. Discard copies with a lower version.',
    }),
    reportType: t.field({
      type: ReportType,
      description: 'The report type of the run.',
      resolve: ({ reportType }, _args, { catalog }) => catalog.describe(reportType),
    }),
    parameters: t.field({
      type: 'JSONObject',
      description: 'The accepted parameters, including defaults. Instants are RFC 3339 strings in UTC.',
      resolve: ({ parameters }) => jsonObject(parameters),
    }),
    output: t.field({
      type: ReportOutput,
      description: 'How the result is written, and how long its files are kept.',
      resolve: (run) => run,
    }),
    label: t.exposeString('label', {
      nullable: true,
      description: 'The label of the run. Null when it has none.',
    }),
    tags: t.exposeStringList('tags', { description: 'The tags of the run, without duplicates.' }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'The metadata of the run, as it was given. Empty when none was given.',
      resolve: ({ metadata }) => jsonObject(metadata),
    }),
    livemode: t.exposeBoolean('livemode', { description: 'True in live mode, false in test mode.' }),
    status: t.expose('status', { type: ReportRunStatus, description: 'The status of the run.' }),
    isFinal: t.boolean({
      description: 'True when the run has ended and its status never changes again.',
      resolve: ({ status }) => isFinal(status),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the run was created.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the run started. Null while the run waits in the queue, and when it ended there.',
    }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the run ended, with any outcome. Null until then.',
    }),
    queueDuration: t.field({
      type: 'Duration',
      description:
        'The time that the run spent in the queue, or has spent there so far. It includes the wait for data.',
      resolve: (run, _args, { now }) =>
        durationBetween(run.createdAt, run.startedAt ?? run.finishedAt ?? now()),
    }),
    runDuration: t.field({
      type: 'Duration',
      nullable: true,
      description:
        'The time from the start of the run to its end, or to now while the run is in progress. Null when the run has not started.',
      resolve: (run, _args, { now }) =>
        run.startedAt && durationBetween(run.startedAt, run.finishedAt ?? now()),
    }),
    queue: t.field({
      type: ReportRunQueueStatus,
      nullable: true,
      description: 'The position of the run in the queue. Null unless the status is PENDING.',
      extensions: { [costExtension]: queueCost },
      resolve: (run, _args, { queueStatuses }) => (run.status === 'PENDING' ? queueStatuses.load(run) : null),
    }),
    pollAfter: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When to read the run again, for clients that poll. It is the estimated end of the run. Without an estimate, the wait is a quarter of the age of the run. The wait is always from 1 to 30 seconds, or up to 5 minutes while the run waits for data. Null when the run has ended.',
      resolve: (run, _args, { now }) => pollAfter(run, now()),
    }),
    progress: t.field({
      type: ReportRunProgress,
      nullable: true,
      description:
        'The progress of the run, measured at most four times per second. Null before the first measurement.',
      resolve: (run) => (run.measuredAt ? { ...run, measuredAt: run.measuredAt } : null),
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the files of the result are deleted. Null unless the status is SUCCEEDED or updateReportRun has set it.',
    }),
    result: t.field({
      type: ReportResult,
      nullable: true,
      description: 'The result of the run. Null unless the status is SUCCEEDED.',
      resolve: (run) => (run.status === 'SUCCEEDED' ? run : null),
    }),
    failure: t.field({
      type: ReportRunFailure,
      nullable: true,
      description: 'Why the run failed. Null unless the status is FAILED.',
      resolve: (run) => (run.status === 'FAILED' ? run : null),
    }),
    cancellation: t.field({
      type: ReportRunCancellation,
      nullable: true,
      description: 'The request to cancel the run. Null when there was none.',
      resolve: (run) => (run.cancelRequestedAt ? { ...run, cancelRequestedAt: run.cancelRequestedAt } : null),
    }),
    requestedBy: t.field({
      type: Actor,
      nullable: true,
      description: 'The actor that requested the run. Null when the actor is no longer known.',
      resolve: (run, _args, { loaders }) => loaders.apiKeyOf(run, run.requestedById),
    }),
    origin: t.expose('origin', { type: ReportRunOrigin, description: 'The origin of the run.' }),
    attempt: t.exposeInt('attempt', {
      description:
        'The number of the attempt. It is 1 for a run that is not a retry. For a retry, it is one more than the number of the run that it repeats.',
    }),
    viewerCanCancel: t.boolean({
      description: 'True when the viewer can cancel the run now.',
      resolve: ({ status }) => isCancelable(status),
    }),
    viewerCanRetry: t.boolean({
      description: 'True when the viewer can retry the run now.',
      resolve: ({ status }) => isFinal(status),
    }),
    viewerCanDelete: t.boolean({
      description: 'True when the viewer can delete the run now.',
      resolve: ({ status }) => isFinal(status),
    }),
  }),
})

builder.prismaObjectField('ReportRun', 'retryOf', (t) =>
  t.field({
    type: ReportRun,
    nullable: true,
    description:
      'The run that this run repeats. Null when it is not a retry, and when the repeated run has been deleted.',
    resolve: async ({ retryOfId }, _args, context) => {
      const run = retryOfId === null ? null : await context.runLoader.load(retryOfId)
      return isVisibleTo(run, requireViewer(context)) ? run : null
    },
  }),
)

StatusError.implement({
  description: 'The status of the run does not allow the operation.',
  interfaces: [UserError],
  fields: (t) => ({
    reportRun: t.field({
      type: ReportRun,
      nullable: true,
      description: 'The run with its current status. Null when it has been deleted.',
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
        'The run that was created with the key. Null when that run has been deleted; the key can then be used again.',
      resolve: runOfError,
    }),
  }),
})

builder.queryField('reportRun', (t) =>
  t.field({
    type: ReportRun,
    nullable: true,
    description: 'A run by its global ID. Null when it does not exist or is not visible to the viewer.',
    args: { id: t.arg.id({ required: true, description: 'The global ID of the run.' }) },
    resolve: (_root, { id }, context) => findRun(context.runLoader, requireViewer(context), id),
  }),
)

builder.subscriptionField('reportRun', (t) =>
  t.field({
    type: ReportRun,
    description:
      'Sends the current state of the run, then its state after every change, and completes after the final state. A slow reader can miss intermediate states, but always receives the last one.',
    args: { id: t.arg.id({ required: true, description: 'The global ID of the run to follow.' }) },
    subscribe: (_root, { id }, context, info) => {
      const viewer = requireViewer(context)
      const shared = sharedDelivery<ReportRunRow>(context, info, () => null)
      if (!shared) return subscriptionStream(context, () => followRun(context, viewer, id))
      const { services } = context
      return sharedStream(context, (signal) => deliverRun(services, viewer, id, shared, signal))
    },
    resolve: (run) => run,
  }),
)

/** The time between two instants; never negative, because the clocks of two machines can differ. */
function durationBetween(from: Date, to: Date): Temporal.Duration {
  return toDuration(Math.max(0, to.getTime() - from.getTime()))
}

function runOfError(
  { error }: { error: { runId: string } },
  _args: object,
  context: Context,
): Promise<ReportRunRow | null> {
  return findRun(context.runLoader, requireViewer(context), error.runId)
}
