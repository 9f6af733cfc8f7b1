import { estimateRun, type RunEstimate } from '../../../runs/estimate/estimate.ts'
import { builder } from '../../builder.ts'
import { requireViewer } from '../../context.ts'
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
  description:
    'What a run would cost, by what is known now. All of it is null or empty when there are userErrors.',
  fields: (t) => ({
    userErrors: t.expose('userErrors', {
      type: [UserError],
      description:
        'What createReportRun would object to now, with paths from `report` or `output` down; empty when it would accept. The limit of the day counts, too.',
    }),
    rowCount: t.expose('rowCount', {
      type: 'BigInt',
      nullable: true,
      description:
        'Rows, without the header: counted where that is cheap, otherwise a guess, which `warnings` say. Null when neither was possible in time, and while the data is to come.',
    }),
    byteSize: t.expose('byteSize', {
      type: 'BigInt',
      nullable: true,
      description:
        'Bytes without compression, as the last runs of the type with the same columns and formats had them; null when there were none.',
    }),
    queueDuration: t.field({
      type: 'Duration',
      nullable: true,
      description:
        'Time in the queue, by how long the last runs of the account took. Null when that is unknown: while runs of any account wait for a worker, and while the data is to come.',
      resolve: ({ queueMilliseconds }) => toDuration(queueMilliseconds),
    }),
    runDuration: t.field({
      type: 'Duration',
      nullable: true,
      description:
        'Time running, by the rows and as fast as the last runs of the type; null when nothing is known of so many rows.',
      resolve: ({ runMilliseconds }) => toDuration(runMilliseconds),
    }),
    reusableRun: t.expose('reusableRun', {
      type: ReportRun,
      nullable: true,
      description:
        'The latest identical run that has its files, however long ago it finished: what createReportRun gives when `reuseWithin` reaches back to its `finishedAt`. Null when there is none.',
    }),
    warnings: t.exposeStringList('warnings', {
      description: 'Sentences worth knowing before asking: that there are no rows, or very many, say.',
    }),
  }),
})

builder.queryField('estimateReportRun', (t) =>
  t.field({
    type: ReportRunEstimate,
    description:
      'What a run would cost, and whether it would be accepted. Creates nothing, and counts as no run of the day.',
    args: {
      report: t.arg({ type: ReportInput, required: true, description: 'The run that is being considered.' }),
      output: t.arg({
        type: ReportOutputInput,
        description: 'How it would be written; one CSV file when absent.',
      }),
      waitForData: t.arg.boolean({
        required: true,
        defaultValue: false,
        description: 'As in createReportRun: whether it may wait for data.',
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
