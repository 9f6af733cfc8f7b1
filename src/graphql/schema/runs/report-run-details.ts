import type { ReportRun } from '../../../postgres/generated/prisma/client.ts'
import type { QueuePlace } from '../../../runs/estimate/queue-place.ts'
import { failureCodes } from '../../../runs/lifecycle/transition.ts'
import { builder, describedEnum } from '../../builder.ts'
import { Actor } from '../viewer/viewer.ts'

export const ReportRunProgress = builder
  .objectRef<ReportRun & { measuredAt: Date }>('ReportRunProgress')
  .implement({
    description: 'How far a run has come.',
    fields: (t) => ({
      percent: t.exposeFloat('percent', {
        nullable: true,
        description: '0 to 100; it never falls. Null while the number of rows is unknown.',
      }),
      rowsWritten: t.field({
        type: 'BigInt',
        description: 'Rows written so far; of several files, how many of each on average.',
        resolve: (run) => run.rowsWritten ?? 0n,
      }),
      rowsExpected: t.expose('rowsExpected', {
        type: 'BigInt',
        nullable: true,
        description: 'Rows that there will be; null while they are being counted.',
      }),
      stage: t.exposeString('stage', {
        nullable: true,
        description: 'What is being done, for people; null when nobody said.',
      }),
      estimatedFinishAt: t.expose('estimatedFinishAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Best guess of the end; null while there is none, and when the run has ended.',
      }),
      measuredAt: t.expose('measuredAt', { type: 'DateTime', description: 'When this was measured.' }),
    }),
  })

const ReportRunFailureCode = describedEnum<(typeof failureCodes)[number]>(
  'ReportRunFailureCode',
  'Why runs fail; new values may be added.',
  {
    INVALID_PARAMETERS:
      'What was asked for cannot be met: a parameter any more, or a format with these values.',
    UPSTREAM_ERROR: 'The data source failed.',
    STORAGE_ERROR: 'The file could not be stored.',
    INTERNAL_ERROR: 'A fault of the gateway.',
    NOT_STARTED_IN_TIME: 'Never started within `startWithin`.',
    TIMED_OUT: 'Took longer than `timeout`, or than the limit of its own SQL.',
  },
)

export const ReportRunFailure = builder.objectRef<ReportRun>('ReportRunFailure').implement({
  description: 'Why a run failed.',
  fields: (t) => ({
    code: t.field({
      type: ReportRunFailureCode,
      description: 'Stable code to branch on.',
      resolve: ({ failureCode }) => failureCodes.find((code) => code === failureCode) ?? 'INTERNAL_ERROR',
    }),
    message: t.string({
      description: 'A sentence for people, safe to show.',
      resolve: (run) => run.failureMessage ?? '',
    }),
    isRetryable: t.boolean({
      description: 'True when the same request may work later.',
      resolve: ({ failureIsRetryable }) => failureIsRetryable === true,
    }),
    path: t.stringList({
      nullable: true,
      description: 'Parameter or output at fault, as a path; null when it is none.',
      resolve: ({ failurePath }) => (failurePath.length > 0 ? failurePath : null),
    }),
    traceId: t.string({
      description: '32 hex digits to give to support; the log has them beside the fault.',
      resolve: ({ traceId }) => traceId ?? '',
    }),
  }),
})

export const ReportRunCancellation = builder
  .objectRef<ReportRun & { cancelRequestedAt: Date }>('ReportRunCancellation')
  .implement({
    description: 'How a run was asked to stop.',
    fields: (t) => ({
      requestedAt: t.expose('cancelRequestedAt', { type: 'DateTime', description: 'When it was asked.' }),
      requestedBy: t.field({
        type: Actor,
        nullable: true,
        description: 'Who asked; null when that is not known any more.',
        resolve: ({ cancelRequestedById }, _args, { loaders }) =>
          cancelRequestedById === null ? null : loaders.apiKey(cancelRequestedById),
      }),
      reason: t.exposeString('cancelReason', {
        nullable: true,
        description: 'Why; null when no reason was given.',
      }),
    }),
  })

const ReportRunWaitReason = describedEnum<QueuePlace['waitingFor']>(
  'ReportRunWaitReason',
  'What a run waits for. New values may be added.',
  {
    WORKER: 'For a free worker; all accounts share them.',
    CONCURRENCY_LIMIT: 'For another run of the account to end, because no more of them are made at once.',
    DATA_AVAILABILITY:
      'For the data to cover its interval, as it may by `waitForData`. It keeps no other run waiting meanwhile.',
  },
)

export const ReportRunQueueStatus = builder.objectRef<QueuePlace>('ReportRunQueueStatus').implement({
  description: 'Where a run stands in the queue of its account and mode.',
  fields: (t) => ({
    position: t.exposeInt('position', {
      description:
        "1 for the account's next run. While a run waits for data, the place that it would have if the data came now.",
    }),
    estimatedStartAt: t.expose('estimatedStartAt', {
      type: 'DateTime',
      nullable: true,
      description:
        "Best guess of the start, from how long the account's last runs took; null when that is unknown, and while it waits for a worker or for data.",
    }),
    waitingFor: t.expose('waitingFor', { type: ReportRunWaitReason, description: 'What it waits for.' }),
  }),
})
