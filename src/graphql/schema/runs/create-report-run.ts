import type { InputShapeFromFields } from '@pothos/core'
import { InputError } from '../../../errors.ts'
import { parametersAt, type RelativeInterval } from '../../../reports/interval.ts'
import { preview } from '../../../reports/parameters.ts'
import { durationText } from '../../../runs/create/duration.ts'
import { fingerprint } from '../../../runs/create/idempotency.ts'
import { checkLevels, type RunRequest } from '../../../runs/create/request.ts'
import { retryRun } from '../../../runs/create/retry.ts'
import type { SubmitOptions, SubmittedRun } from '../../../runs/create/submit-run.ts'
import { createRun } from '../../../runs/create/submit-run.ts'
import { encodeEventCursor } from '../../../runs/follow/event-log.ts'
import type { FieldBuilder, InputBuilder } from '../../builder.ts'
import { type Context, requireViewer } from '../../context.ts'
import { mutation, type Outcome } from '../../mutation.ts'
import { ReportOutputInput, readOutput } from '../files/report-output.ts'
import type { RequestedReport } from '../reports/report-by-key.ts'
import { ReportInput, readReportInput } from '../reports/report-input.ts'
import { ReportRun } from './report-run.ts'

const keyDescription =
  'A key that makes it safe to repeat the request: every request with the same key and the same input returns the same run. At most 255 characters. Keys are kept for at least 24 hours per account and mode. The header Idempotency-Key has the same effect.'

mutation('createReportRun', {
  description: 'Creates a report run and returns immediately. Follow the run with a subscription.',
  input: createInput,
  run: async (context, viewer, input) => {
    const report = readReportInput(input.report)
    const request = readRunRequest(context, report, input)
    const options = submitOptions(context, input.idempotencyKey, identityOf(request, report))
    return createRun(context, viewer, request, options)
  },
  payload: submittedRun,
  pathOf: ({ report }) => readReportInput(report).pathOf,
})

mutation('retryReportRun', {
  description:
    'Repeats a run that has ended, as a new run. The earlier run does not change, and the new run returns it as `retryOf`. The new run has the same input, except `startWithin` and `reuseWithin`.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The global ID of the run to repeat.' }),
    idempotencyKey: t.string({ description: keyDescription }),
  }),
  run: (context, viewer, { id, idempotencyKey }) =>
    retryRun(context, viewer, id, submitOptions(context, idempotencyKey, { retryOf: id })),
  payload: submittedRun,
  // The caller cannot correct the earlier request here.
  pathOf: () => (path) => (path[0] === 'idempotencyKey' ? path : ['id']),
})

/** The request for a run as commands accept it. Omitted fields request nothing. */
export function readRunRequest(
  { catalog, now }: Context,
  report: RequestedReport<RelativeInterval>,
  input: Omit<InputShapeFromFields<ReturnType<typeof createInput>>, 'report'>,
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
    startWithin: input.startWithin ?? null,
    timeout: input.timeout ?? null,
    reuseWithin: input.reuseWithin ?? null,
    waitForData: input.waitForData,
  }
}

/**
 * The part of a request that its idempotency key identifies. Defaults are filled in, so that a key means the same whether
 * or not the caller writes them out. A relative interval is not resolved, so that a key means the same at any time.
 */
function identityOf(
  request: RunRequest,
  { parameters, relativeInterval }: RequestedReport<RelativeInterval>,
): object {
  const { startWithin, timeout, retention, reuseWithin } = request
  const given = Object.entries({ startWithin, timeout, retention, reuseWithin })
  const durations = given.map(([name, duration]) => [name, duration && durationText(duration)])
  const fields = Object.entries({
    ...request,
    ...Object.fromEntries(durations),
    parameters,
    relativeInterval,
  })
  // Fields that request nothing are left out, so that a key means the same before and after such a field is added.
  return Object.fromEntries(fields.filter(([, value]) => value !== null && value !== false))
}

function createInput(t: InputBuilder) {
  return {
    report: t.field({ type: ReportInput, required: true, description: 'The report to run.' }),
    output: t.field({
      type: ReportOutputInput,
      description: 'How to write the result. Default: one CSV file without compression, kept for 30 days.',
    }),
    idempotencyKey: t.string({ description: keyDescription }),
    label: t.string({ description: 'The label of the run, at most 255 characters.' }),
    tags: t.stringList({
      description:
        'The tags of the run: at most 10, of at most 50 characters each. Lists of runs can be filtered by tag.',
    }),
    metadata: t.field({
      type: 'JSONObject',
      description:
        'Metadata that the run returns unchanged: at most 50 strings of at most 500 characters each, with keys of at most 40 characters.',
    }),
    reuseWithin: t.field({
      type: 'Duration',
      description:
        'Return the most recent identical run that succeeded within this duration, from PT1S to P3660D, instead of creating one. Its files must still exist. Identical runs have the same report type, accepted parameters, formats, compression and byte order mark. Their label, tags, metadata and times may differ. The idempotency key of the request is then stored for the reused run. Default: always create a run.',
    }),
    waitForData: t.boolean({
      required: true,
      defaultValue: false,
      description:
        'Whether to accept an interval that ends after the available data. True: the run waits in the queue until the data covers the interval, whose end must be at most 366 days from now. False: the request is rejected. In both cases, the interval must not start before the available data.',
    }),
    startWithin: t.field({
      type: 'Duration',
      description:
        'Fail the run if it has not started within this duration, from PT1S to P30D, whatever it waits for. Default: no limit.',
    }),
    timeout: t.field({
      type: 'Duration',
      description: 'Fail the run if it runs longer than this duration, from PT1S to P1D. Default: no limit.',
    }),
  }
}

function submittedRun(t: FieldBuilder<Outcome<SubmittedRun>>) {
  return {
    reportRun: t.field({
      type: ReportRun,
      nullable: true,
      description: 'The run that was created or reused. Null when there are user errors.',
      resolve: ({ result }) => result?.run,
    }),
    wasReused: t.boolean({
      description:
        'True when an earlier request created the run: one with the same idempotency key, or an identical one that `reuseWithin` allows. False when there are user errors.',
      resolve: ({ result }) => result?.wasReused ?? false,
    }),
    eventCursor: t.field({
      type: 'EventCursor',
      nullable: true,
      description:
        'The position in the event log that this payload reflects. Pass it as `after` to read the events that follow, without a gap. Null when there are user errors.',
      resolve: ({ result }, _args, context) =>
        result && encodeEventCursor(requireViewer(context), result.eventCursor),
    }),
  }
}

/**
 * @param given the idempotency key of the input; the header can contain it instead
 * @param identity the part of the input that the key identifies
 */
function submitOptions(context: Context, given: string | null | undefined, identity: object): SubmitOptions {
  const { idempotencyKey: header, traceId } = context
  if (typeof given === 'string' && header !== null && given !== header) {
    throw new InputError(
      `The header Idempotency-Key is ${preview(header)} and idempotencyKey of the input is ${preview(given)}. Send only one of them, or the same key in both.`,
      ['idempotencyKey'],
    )
  }
  const key = given ?? header
  return { idempotency: key === null ? null : { key, fingerprint: fingerprint(identity) }, traceId }
}
