import type { ReportRun as ReportRunRow } from '../../database/generated/prisma/client.ts'
import { cancelRun } from '../../runs/cancel-run.ts'
import { createRun } from '../../runs/create-run.ts'
import { builder } from '../builder.ts'
import { requireViewer } from '../context.ts'
import { Compression, ReportFormat } from './report-file.ts'
import { ReportInput, readReportInput } from './report-input.ts'
import { ReportRun } from './report-run.ts'
import { toUserErrors, UserError, type UserErrorValue } from './user-error.ts'

type Payload = { reportRun: ReportRunRow | null; userErrors: UserErrorValue[] }

const ReportOutputInput = builder.inputType('ReportOutputInput', {
  description: 'How the result is written.',
  fields: (t) => ({
    formats: t.field({
      type: [ReportFormat],
      required: true,
      defaultValue: ['CSV'],
      description: 'One file is written for each.',
    }),
    compression: t.field({
      type: Compression,
      required: true,
      defaultValue: 'NONE',
      description: 'How each file is compressed.',
    }),
  }),
})

const CreateReportRunInput = builder.inputType('CreateReportRunInput', {
  description: 'Input of createReportRun.',
  fields: (t) => ({
    report: t.field({ type: ReportInput, required: true, description: 'What to run.' }),
    output: t.field({ type: ReportOutputInput, description: 'How to write it; one CSV file when absent.' }),
    label: t.string({ description: 'Label for people, at most 255 characters.' }),
    tags: t.stringList({
      description: 'At most 10 tags of at most 50 characters; a list can be filtered by them.',
    }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'At most 50 texts of at most 500 characters, under keys of at most 40; returned as given.',
    }),
  }),
})

const CreateReportRunPayload = builder.objectRef<Payload>('CreateReportRunPayload').implement({
  description: 'Payload of createReportRun.',
  fields: (t) => ({
    reportRun: t.expose('reportRun', {
      type: ReportRun,
      nullable: true,
      description: 'The run; null only with userErrors.',
    }),
    userErrors: t.expose('userErrors', {
      type: [UserError],
      description: 'What was wrong with the request; then nothing was created.',
    }),
  }),
})

const CancelReportRunPayload = builder.objectRef<Payload>('CancelReportRunPayload').implement({
  description: 'Payload of cancelReportRun.',
  fields: (t) => ({
    reportRun: t.expose('reportRun', {
      type: ReportRun,
      nullable: true,
      description: 'The run as it is now; null only with userErrors.',
    }),
    userErrors: t.expose('userErrors', {
      type: [UserError],
      description: 'What was wrong; then nothing was changed.',
    }),
  }),
})

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
      const report = readReportInput(input.report, context.now())
      try {
        const reportRun = await createRun(context, requireViewer(context), {
          type: report.type,
          parameters: report.parameters,
          formats: input.output?.formats ?? ['CSV'],
          compression: input.output?.compression ?? 'NONE',
          label: input.label ?? null,
          tags: input.tags ?? [],
          metadata: input.metadata ?? {},
        })
        return { reportRun, userErrors: [] }
      } catch (error) {
        const pathOf = (path: readonly string[]): readonly string[] => {
          if (path[0] === 'type' || path[0] === 'parameters')
            return ['input', 'report', ...report.pathOf(path)]
          return path[0] === 'formats' ? ['input', 'output', ...path] : ['input', ...path]
        }
        return { reportRun: null, userErrors: toUserErrors(error, pathOf) }
      }
    },
  }),
)

builder.mutationField('cancelReportRun', (t) =>
  t.field({
    type: CancelReportRunPayload,
    nullable: true,
    description: 'Asks a queued or running run to stop. A run that has ended is left as it is.',
    args: {
      id: t.arg.id({ required: true, description: 'Global id of the run to stop.' }),
      reason: t.arg.string({ description: 'Why, at most 500 characters; kept with the run.' }),
    },
    resolve: async (_root, { id, reason }, context): Promise<Payload> => {
      try {
        return {
          reportRun: await cancelRun(context, requireViewer(context), id, reason ?? null),
          userErrors: [],
        }
      } catch (error) {
        return { reportRun: null, userErrors: toUserErrors(error) }
      }
    },
  }),
)
