import type { ReportRun } from '../../../postgres/generated/prisma/client.ts'
import { failureCodes } from '../../../runs/lifecycle/status.ts'
import { builder } from '../../builder.ts'
import { Actor } from '../viewer/actor.ts'

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

const ReportRunFailureCode = builder.enumType('ReportRunFailureCode', {
  description: 'Why runs fail; new values may be added.',
  values: {
    INVALID_PARAMETERS: {
      description: 'What was asked for cannot be met: a parameter any more, or a format with these values.',
    },
    UPSTREAM_ERROR: { description: 'The data source failed.' },
    STORAGE_ERROR: { description: 'The file could not be stored.' },
    INTERNAL_ERROR: { description: 'A fault of the gateway.' },
    NOT_STARTED_IN_TIME: { description: 'Never started within `startWithin`.' },
    TIMED_OUT: { description: 'Took longer than `timeout`, or than the limit of its own SQL.' },
  } satisfies Record<(typeof failureCodes)[number], { description: string }>,
})

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
          cancelRequestedById === null ? null : loaders.apiKey.load(cancelRequestedById),
      }),
      reason: t.exposeString('cancelReason', {
        nullable: true,
        description: 'Why; null when no reason was given.',
      }),
    }),
  })
