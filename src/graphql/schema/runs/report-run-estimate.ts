import { estimateRun, type RunEstimate } from '../../../runs/estimate/estimate.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'
import { costExtension } from '../../plugins/document-cost.ts'
import { toDuration } from '../../scalars.ts'
import { ReportOutputInput } from '../files/report-output.ts'
import { ReportInput, readReportInput } from '../reports/report-input.ts'
import { toUserErrors, UserError, type UserErrorValue } from '../user-errors.ts'
import { readRunRequest } from './create-report-run.ts'
import { ReportRun } from './report-run.ts'

type Estimate = RunEstimate & { userErrors: UserErrorValue[] }

const refused = {
  rowCount: null,
  byteSize: null,
  queueMilliseconds: null,
  runMilliseconds: null,
  reusableRun: null,
  warnings: [],
} satisfies RunEstimate

const ReportRunEstimate = builder.objectRef<Estimate>('ReportRunEstimate').implement({
  description: 'An estimate of a run. When `userErrors` is not empty, all other fields are null or empty.',
  fields: (t) => ({
    userErrors: t.expose('userErrors', {
      type: [UserError],
      description:
        'The reasons why createReportRun would reject the request now, including the daily limit. Paths start with `report` or `output`. Empty when it would accept the request.',
    }),
    rowCount: t.expose('rowCount', {
      type: 'BigInt',
      nullable: true,
      description:
        'The number of rows, without the header. It is counted where counting is cheap; otherwise it is a guess, and `warnings` states so. Null when neither is possible in time, and while the data is not available yet.',
    }),
    byteSize: t.expose('byteSize', {
      type: 'BigInt',
      nullable: true,
      description:
        'The size without compression, in bytes, based on recent runs of the type with the same columns and formats. Null when there are no such runs, and when `rowCount` is null.',
    }),
    queueDuration: t.field({
      type: 'Duration',
      nullable: true,
      description:
        "The time in the queue, based on the durations of the account's recent runs. Null when there are no such runs, while runs of any account wait for a worker, and while the data is not available yet.",
      resolve: ({ queueMilliseconds }) => toDuration(queueMilliseconds),
    }),
    runDuration: t.field({
      type: 'Duration',
      nullable: true,
      description:
        'The time from start to end, based on the number of rows and on recent runs of the type. Null when there are no comparable runs, and when `rowCount` is null.',
      resolve: ({ runMilliseconds }) => toDuration(runMilliseconds),
    }),
    reusableRun: t.expose('reusableRun', {
      type: ReportRun,
      nullable: true,
      description:
        'The most recent identical run whose files still exist, however long ago it ended. createReportRun returns it when `reuseWithin` reaches back to its `finishedAt`. Null when there is none.',
    }),
    warnings: t.exposeStringList('warnings', {
      description: 'Warnings for people, for example that there are no rows or very many.',
    }),
  }),
})

/** Postgres plans the report. */
const estimateCost = 500

builder.queryField('estimateReportRun', (t) =>
  t.field({
    type: ReportRunEstimate,
    description:
      'Estimates a run and checks whether createReportRun would accept it. The query creates nothing and does not count toward the daily limit.',
    extensions: { [costExtension]: estimateCost },
    args: {
      report: t.arg({ type: ReportInput, required: true, description: 'The report to estimate.' }),
      output: t.arg({
        type: ReportOutputInput,
        description: 'How to write the result. Default: one CSV file without compression, kept for 30 days.',
      }),
      waitForData: t.arg.boolean({
        required: true,
        defaultValue: false,
        description: 'True when the run may wait for data, as in createReportRun.',
      }),
    },
    resolve: async (_root, { report: input, output, waitForData }, context): Promise<Estimate> => {
      const report = readReportInput(input)
      try {
        const request = readRunRequest(context, report, { output, waitForData })
        const estimate = await estimateRun(context, requireViewer(context), request)
        return { ...estimate, userErrors: [] }
      } catch (error) {
        return { ...refused, userErrors: toUserErrors(error, report.pathOf) }
      }
    },
  }),
)
