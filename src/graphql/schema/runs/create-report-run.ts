import type { Temporal } from 'temporal-polyfill'
import { InputError } from '../../../errors.ts'
import { parametersAt, type RelativeInterval } from '../../../reports/interval.ts'
import { fingerprint } from '../../../runs/create/idempotency.ts'
import { checkLevels, type RunRequest } from '../../../runs/create/request.ts'
import { retryRun } from '../../../runs/create/retry.ts'
import type { SubmitOptions, SubmittedRun } from '../../../runs/create/submit-run.ts'
import { createRun } from '../../../runs/create/submit-run.ts'
import { encodeEventCursor } from '../../../runs/follow/event-log.ts'
import { builder } from '../../builder.ts'
import { type Context, requireViewer } from '../../context.ts'
import { mutation, payload } from '../../mutation.ts'
import { toMilliseconds } from '../../scalars.ts'
import { ReportOutputInput, readOutput } from '../files/report-output.ts'
import type { RequestedReport } from '../reports/report-by-key.ts'
import { ReportInput, readReportInput } from '../reports/report-input.ts'
import { ReportRun } from './report-run.ts'

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

const CreateReportRunPayload = payload<SubmittedRun>('CreateReportRunPayload', {
  description: 'Payload of createReportRun and retryReportRun.',
  fields: (t) => ({
    reportRun: t.field({
      type: ReportRun,
      nullable: true,
      description: 'The run; null only with userErrors.',
      resolve: ({ result }) => result?.run,
    }),
    wasReused: t.boolean({
      description:
        'True when it is the run of an earlier request: one with the same idempotency key, or an identical one that `reuseWithin` allows.',
      resolve: ({ result }) => result?.wasReused ?? false,
    }),
    cursor: t.field({
      type: 'EventCursor',
      nullable: true,
      description:
        'Where the event log stands with this answer: subscribe after it, and nothing that follows is missed. Null only with userErrors.',
      resolve: ({ result }, _args, context) =>
        result &&
        encodeEventCursor(requireViewer(context), { position: result.position, snapshotsAfter: null }),
    }),
  }),
  userErrors: 'What was wrong with the request; then nothing was created.',
})

mutation('createReportRun', {
  type: CreateReportRunPayload,
  description: 'Asks for a report. It answers at once; follow the run by subscription.',
  args: (arg) => ({
    input: arg({
      type: CreateReportRunInput,
      required: true,
      description: 'What to run, and how to write it.',
    }),
  }),
  run: async ({ input }, context, viewer) => {
    const report = readReportInput(input.report)
    const { idempotencyKey, waitForData, ...rest } = input
    // A key has to mean the same whether the default was filled in by the caller, by GraphQL, or not yet known.
    const identity = { ...rest, ...(waitForData && { waitForData }) }
    const request = readRunRequest(context, report, input)
    return createRun(context, viewer, request, submitOptions(context, idempotencyKey, identity))
  },
  pathOf: (path, { input }) => ['input', ...readReportInput(input.report).pathOf(path)],
})

mutation('retryReportRun', {
  type: CreateReportRunPayload,
  description:
    'Runs the request of a run that has ended again, as a new run linked to it by `retryOf`. The earlier run stays as it is. What it was asked for is carried over, but for `startWithin` and `reuseWithin`: the new run may wait as long as it takes.',
  args: (arg) => ({
    id: arg.id({ required: true, description: 'Global id of the run to repeat.' }),
    idempotencyKey: arg.string({ description: keyDescription }),
  }),
  run: async ({ id, idempotencyKey }, context, viewer) =>
    retryRun(context, viewer, id, submitOptions(context, idempotencyKey, { retryOf: id })),
  // The request as it was made then cannot be mended here.
  pathOf: (path) => (path[0] === 'idempotencyKey' ? path : ['id']),
})

/** A run as commands take it; what is absent stands for nothing asked for. */
export function readRunRequest(
  { catalog, now }: Context,
  report: RequestedReport<RelativeInterval>,
  input: Omit<typeof CreateReportRunInput.$inferInput, 'report'>,
): RunRequest {
  checkLevels('parameters', report.parameters)
  checkLevels('metadata', input.metadata)
  return {
    type: report.type,
    parameters: parametersAt(catalog, report, now()),
    ...readOutput(input.output),
    label: input.label ?? null,
    tags: input.tags ?? [],
    metadata: input.metadata ?? {},
    startWithin: millisecondsOf(input.startWithin),
    timeout: millisecondsOf(input.timeout),
    reuseWithin: millisecondsOf(input.reuseWithin),
    waitForData: input.waitForData,
  }
}

/**
 * @param given the idempotency key of the input; it may be in the header instead
 * @param identity what the key stands for
 */
function submitOptions(context: Context, given: string | null | undefined, identity: object): SubmitOptions {
  const { idempotencyKey: header, traceId } = context
  if (typeof given === 'string' && header !== null && given !== header) {
    throw new InputError('The header Idempotency-Key names another key than the input. Send one of them.', [
      'idempotencyKey',
    ])
  }
  const key = given ?? header
  return { idempotency: key === null ? null : { key, fingerprint: fingerprint(identity) }, traceId }
}

function millisecondsOf(duration: Temporal.Duration | null | undefined): number | null {
  return duration ? toMilliseconds(duration) : null
}
