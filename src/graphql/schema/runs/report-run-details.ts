import type { ReportRun } from '../../../postgres/generated/prisma/client.ts'
import type { QueueStatus } from '../../../runs/estimate/queue-status.ts'
import { failureCodes } from '../../../runs/lifecycle/transition.ts'
import { builder, describedEnum } from '../../builder.ts'
import { Actor } from '../viewer/viewer.ts'

export const ReportRunProgress = builder
  .objectRef<ReportRun & { measuredAt: Date }>('ReportRunProgress')
  .implement({
    description: 'The progress of a run.',
    fields: (t) => ({
      percent: t.exposeFloat('percent', {
        nullable: true,
        description:
          'The progress in percent, from 0 to 100. It never decreases, and is 100 only after the run has succeeded. Null while the number of rows is unknown.',
      }),
      rowsWritten: t.field({
        type: 'BigInt',
        description: 'The number of rows written so far. For several files, the average per file.',
        resolve: (run) => run.rowsWritten ?? 0n,
      }),
      rowsExpected: t.expose('rowsExpected', {
        type: 'BigInt',
        nullable: true,
        description:
          'The total number of rows to write. It can be an estimate, which changes while rows are written, until the run has succeeded. Null while there is none.',
      }),
      stage: t.exposeString('stage', {
        nullable: true,
        description: 'The current stage of the run, for people. Null when the worker has reported none.',
      }),
      estimatedFinishAt: t.expose('estimatedFinishAt', {
        type: 'DateTime',
        nullable: true,
        description:
          'The estimated end of the run. Null while there is no estimate, and when the run has ended.',
      }),
      measuredAt: t.expose('measuredAt', {
        type: 'DateTime',
        description: 'When the progress was measured.',
      }),
    }),
  })

const ReportRunFailureCode = describedEnum<(typeof failureCodes)[number]>(
  'ReportRunFailureCode',
  'Codes of run failures. New values may be added.',
  {
    INVALID_PARAMETERS:
      'A parameter is no longer valid, or the report cannot be written in a requested format.',
    UPSTREAM_ERROR: 'The data source failed.',
    STORAGE_ERROR: 'A file could not be stored.',
    INTERNAL_ERROR: 'An internal error of the gateway.',
    NOT_STARTED_IN_TIME: 'The run did not start within `startWithin`.',
    TIMED_OUT: 'The run took longer than `timeout`, or a custom report took longer than its time limit.',
  },
)

export const ReportRunFailure = builder.objectRef<ReportRun>('ReportRunFailure').implement({
  description: 'Why a run failed.',
  fields: (t) => ({
    code: t.field({
      type: ReportRunFailureCode,
      description: 'The stable code of the failure, for programs.',
      resolve: ({ failureCode }) => failureCodes.find((code) => code === failureCode) ?? 'INTERNAL_ERROR',
    }),
    message: t.string({
      description: 'The message of the failure, for people. It contains no internal details.',
      resolve: (run) => run.failureMessage ?? '',
    }),
    isRetryable: t.boolean({
      description: 'True when the same request may succeed later.',
      resolve: ({ failureIsRetryable }) => failureIsRetryable === true,
    }),
    path: t.stringList({
      nullable: true,
      description: 'The path to the parameter or output at fault. Null when none is at fault.',
      resolve: ({ failurePath }) => (failurePath.length > 0 ? failurePath : null),
    }),
    traceId: t.string({
      description:
        'The trace ID to give to support, 32 hexadecimal digits. The logs of the gateway contain it.',
      resolve: ({ traceId }) => traceId ?? '',
    }),
  }),
})

export const ReportRunCancellation = builder
  .objectRef<ReportRun & { cancelRequestedAt: Date }>('ReportRunCancellation')
  .implement({
    description: 'The request to cancel a run.',
    fields: (t) => ({
      requestedAt: t.expose('cancelRequestedAt', {
        type: 'DateTime',
        description: 'When the cancellation was requested.',
      }),
      requestedBy: t.field({
        type: Actor,
        nullable: true,
        description:
          'The actor that requested the cancellation. Null when an operator of the gateway requested it, or the actor is no longer known.',
        resolve: ({ cancelRequestedById }, _args, { loaders }) =>
          cancelRequestedById === null ? null : loaders.apiKey(cancelRequestedById),
      }),
      reason: t.exposeString('cancelReason', {
        nullable: true,
        description: 'The reason for the cancellation. Null when none was given.',
      }),
    }),
  })

const ReportRunWaitReason = describedEnum<QueueStatus['waitingFor']>(
  'ReportRunWaitReason',
  'What a queued run waits for. New values may be added.',
  {
    WORKER: 'A free worker. All accounts share the workers.',
    CONCURRENCY_LIMIT:
      'The end of another run, because the account has reached its limit of concurrent runs.',
    DATA_AVAILABILITY:
      'Data up to the end of the interval of the run, as allowed by `waitForData`. The run does not block other runs.',
  },
)

export const ReportRunQueueStatus = builder.objectRef<QueueStatus>('ReportRunQueueStatus').implement({
  description: 'The position of a run in the queue of its account and mode.',
  fields: (t) => ({
    position: t.exposeInt('position', {
      description:
        'The position in the queue, 1 for the next run of the account. For a run that waits for data, the position that it would have if the data were available now.',
    }),
    estimatedStartAt: t.expose('estimatedStartAt', {
      type: 'DateTime',
      nullable: true,
      description:
        "The estimated start of the run, based on the durations of the account's recent runs. Null when there are no such runs, and while the run waits for a worker or for data.",
    }),
    waitingFor: t.expose('waitingFor', { type: ReportRunWaitReason, description: 'What the run waits for.' }),
  }),
})
