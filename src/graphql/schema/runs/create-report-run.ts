import { Temporal } from 'temporal-polyfill'
import { InputError } from '../../../errors.ts'
import type { ReportRun as ReportRunRow } from '../../../postgres/generated/prisma/client.ts'
import { parametersAt } from '../../../reports/interval.ts'
import { createRun } from '../../../runs/create/create-run.ts'
import { fingerprint } from '../../../runs/create/fingerprint.ts'
import type { IdempotencyKey } from '../../../runs/create/idempotency.ts'
import type { SubmittedRun } from '../../../runs/create/make-run.ts'
import { retryRun } from '../../../runs/create/retry-run.ts'
import { checkLevels } from '../../../runs/create/run-request.ts'
import { encodeEventCursor } from '../../../runs/follow/event-cursor.ts'
import { builder } from '../../builder.ts'
import { type Context, requireViewer } from '../../context.ts'
import { toMilliseconds } from '../../duration.ts'
import { Compression, ReportFormat } from '../files/report-file.ts'
import { ReportInput, type RequestedReport, readReportInput } from '../reports/report-input.ts'
import { toUserErrors, UserError, type UserErrorValue } from '../user-error.ts'
import { ReportRun } from './report-run.ts'

export const defaultRetention = Temporal.Duration.from('P30D')

export const ReportOutputInput = builder.inputType('ReportOutputInput', {
  description: 'How the result is written and how long it is kept.',
  fields: (t) => ({
    formats: t.field({
      type: [ReportFormat],
      required: true,
      defaultValue: ['CSV'],
      description:
        'One file is written for each, all of one snapshot; one that is named twice is written once.',
    }),
    compression: t.field({
      type: Compression,
      required: true,
      defaultValue: 'NONE',
      description: 'How each file is compressed.',
    }),
    retention: t.field({
      type: 'Duration',
      required: true,
      defaultValue: defaultRetention,
      description: 'How long after the end the files are kept, PT1S to P3660D.',
    }),
  }),
})

const keyDescription =
  'Makes it safe to ask again: the same key with the same input gives the first run, however often and wherever it is sent. At most 255 characters, kept for at least 24 hours per account and mode. The header Idempotency-Key says the same.'

const CreateReportRunInput = builder.inputType('CreateReportRunInput', {
  description: 'Input of createReportRun.',
  fields: (t) => ({
    report: t.field({ type: ReportInput, required: true, description: 'What to run.' }),
    output: t.field({ type: ReportOutputInput, description: 'How to write it; one CSV file when absent.' }),
    idempotencyKey: t.string({ description: keyDescription }),
    label: t.string({ description: 'Label for people, at most 255 characters.' }),
    tags: t.stringList({
      description: 'At most 10 tags of at most 50 characters; a list can be filtered by them.',
    }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'At most 50 texts of at most 500 characters, under keys of at most 40; returned as given.',
    }),
    reuseWithin: t.field({
      type: 'Duration',
      description:
        'When an identical run has succeeded no longer ago than this and its files are still there, that run is the answer, as it is, and nothing is created; PT1S to P3660D. Identical means the same report type, parameters as accepted, formats and compression; label, tags, metadata and times do not matter, and stay those of that run. An idempotency key then names that run. Always a new run when absent.',
    }),
    waitForData: t.boolean({
      required: true,
      defaultValue: false,
      description:
        'True to queue the run until there is data up to the end of its interval, at most 366 days from now, instead of refusing it. The start has to be within the data all the same.',
    }),
    startWithin: t.field({
      type: 'Duration',
      description:
        'The run fails when it has not started in this time, PT1S to P30D, whatever it waits for; it waits for ever when absent.',
    }),
    timeout: t.field({
      type: 'Duration',
      description:
        'The run fails when it has not ended in this time after its start, PT1S to P1D; none when absent.',
    }),
  }),
})

type Payload = {
  reportRun: ReportRunRow | null
  wasReused: boolean
  cursor: string | null
  userErrors: UserErrorValue[]
}

const CreateReportRunPayload = builder.objectRef<Payload>('CreateReportRunPayload').implement({
  description: 'Payload of createReportRun and retryReportRun.',
  fields: (t) => ({
    reportRun: t.expose('reportRun', {
      type: ReportRun,
      nullable: true,
      description: 'The run; null only with userErrors.',
    }),
    wasReused: t.exposeBoolean('wasReused', {
      description:
        'True when it is the run of an earlier request: one with the same idempotency key, or an identical one that `reuseWithin` allows.',
    }),
    cursor: t.expose('cursor', {
      type: 'EventCursor',
      nullable: true,
      description:
        'Where the event log stands with this answer: subscribe after it, and nothing that follows is missed. Null only with userErrors.',
    }),
    userErrors: t.expose('userErrors', {
      type: [UserError],
      description: 'What was wrong with the request; then nothing was created.',
    }),
  }),
})

/** Where a field of a request stands in its input. */
export function pathInRequest(report: RequestedReport, path: readonly string[]): readonly string[] {
  if (path[0] === 'type' || path[0] === 'parameters') return ['report', ...report.pathOf(path)]
  return path[0] === 'formats' || path[0] === 'retention' ? ['output', ...path] : path
}

function submitted(context: Context, { run, wasReused, position }: SubmittedRun): Payload {
  return {
    reportRun: run,
    wasReused,
    cursor: encodeEventCursor(requireViewer(context), { position, snapshotsAfter: null }),
    userErrors: [],
  }
}

function refused(error: unknown, pathOf: (path: readonly string[]) => readonly string[]): Payload {
  return {
    reportRun: null,
    wasReused: false,
    cursor: null,
    userErrors: toUserErrors(error, pathOf),
  }
}

/** The key of a request, from its input or from the header. */
function idempotencyOf(
  context: Context,
  given: string | null | undefined,
  request: object,
): IdempotencyKey | null {
  const header = context.idempotencyKey
  if (typeof given === 'string' && header !== null && given !== header) {
    throw new InputError('The header Idempotency-Key names another key than the input. Send one of them.', [
      'idempotencyKey',
    ])
  }
  const key = given ?? header
  return key === null ? null : { key, fingerprint: fingerprint(request) }
}

function millisecondsOf(duration: Temporal.Duration | null | undefined): number | null {
  return duration ? toMilliseconds(duration) : null
}

builder.mutationField('createReportRun', (t) =>
  t.field({
    type: CreateReportRunPayload,
    nullable: true,
    description: 'Asks for a report. It answers at once; follow the run by subscription.',
    args: {
      input: t.arg({
        type: CreateReportRunInput,
        required: true,
        description: 'What to run, and how to write it.',
      }),
    },
    resolve: async (_root, { input }, context): Promise<Payload> => {
      const report = readReportInput(input.report)
      try {
        const { idempotencyKey, waitForData, ...rest } = input
        // A key has to mean the same whether the default was filled in by the caller, by GraphQL, or not yet known.
        const request = { ...rest, ...(waitForData && { waitForData }) }
        checkLevels('parameters', report.parameters)
        checkLevels('metadata', input.metadata)
        const created = await createRun(
          context,
          requireViewer(context),
          {
            type: report.type,
            parameters: parametersAt(context.catalog, report, context.now()),
            formats: input.output?.formats ?? ['CSV'],
            compression: input.output?.compression ?? 'NONE',
            label: input.label ?? null,
            tags: input.tags ?? [],
            metadata: input.metadata ?? {},
            startWithin: millisecondsOf(input.startWithin),
            timeout: millisecondsOf(input.timeout),
            retention: toMilliseconds(input.output?.retention ?? defaultRetention),
            reuseWithin: millisecondsOf(input.reuseWithin),
            waitForData,
          },
          { idempotency: idempotencyOf(context, idempotencyKey, request), traceId: context.traceId },
        )
        return submitted(context, created)
      } catch (error) {
        return refused(error, (path) => ['input', ...pathInRequest(report, path)])
      }
    },
  }),
)

builder.mutationField('retryReportRun', (t) =>
  t.field({
    type: CreateReportRunPayload,
    nullable: true,
    description:
      'Runs the request of a run that has ended again, as a new run linked to it by `retryOf`. The earlier run stays as it is. What it was asked for is carried over, but for `startWithin` and `reuseWithin`: the new run may wait as long as it takes.',
    args: {
      id: t.arg.id({ required: true, description: 'Global id of the run to repeat.' }),
      idempotencyKey: t.arg.string({ description: keyDescription }),
    },
    resolve: async (_root, { id, idempotencyKey }, context): Promise<Payload> => {
      try {
        const idempotency = idempotencyOf(context, idempotencyKey, { retryOf: id })
        const { traceId } = context
        return submitted(
          context,
          await retryRun(context, requireViewer(context), id, { idempotency, traceId }),
        )
      } catch (error) {
        // The request as it was made then cannot be mended here.
        return refused(error, (path) => (path[0] === 'idempotencyKey' ? path : ['id']))
      }
    },
  }),
)
