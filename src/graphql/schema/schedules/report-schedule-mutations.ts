import type { ReportSchedule as ReportScheduleRow } from '../../../postgres/generated/prisma/client.ts'
import { checkLevels } from '../../../runs/create/request.ts'
import { createSchedule } from '../../../schedules/create.ts'
import { deleteSchedule } from '../../../schedules/schedule.ts'
import { updateSchedule } from '../../../schedules/update.ts'
import type { FieldBuilder } from '../../builder.ts'
import { deletion, mutation, type Outcome } from '../../mutation.ts'
import { ReportOutputInput, readOutput } from '../files/report-output.ts'
import { readScheduledReportInput, ScheduledReportInput } from '../reports/scheduled-report-input.ts'
import { ReportSchedule } from './report-schedule.ts'
import { ReportTriggerInput, readTrigger } from './report-trigger.ts'

mutation('createReportSchedule', {
  description:
    'Creates a schedule that runs a report repeatedly from now on. Each time the schedule is due, it creates one run. If it has missed several due times, it creates one run, for the latest of them.',
  input: (t) => ({
    report: t.field({
      type: ScheduledReportInput,
      required: true,
      description: 'The report to run.',
    }),
    output: t.field({
      type: ReportOutputInput,
      description:
        'How to write the result of each run. Default: one CSV file without compression, kept for 30 days.',
    }),
    trigger: t.field({ type: ReportTriggerInput, required: true, description: 'When to run the report.' }),
    label: t.string({
      description: 'The label of the schedule and of each of its runs, at most 255 characters.',
    }),
    tags: t.stringList({
      description: 'The tags of each run of the schedule: at most 10, of at most 50 characters each.',
    }),
  }),
  run: async (context, viewer, input) => {
    const { type, parameters, relativeInterval } = readScheduledReportInput(input.report)
    checkLevels('parameters', parameters)
    return createSchedule(context, viewer, {
      type,
      parameters,
      relativeInterval,
      trigger: readTrigger(input.trigger),
      ...readOutput(input.output),
      label: input.label ?? null,
      tags: input.tags ?? [],
    })
  },
  payload: changedSchedule,
  pathOf: ({ report }) => readScheduledReportInput(report).pathOf,
})

mutation('updateReportSchedule', {
  description:
    'Pauses, resumes or changes a schedule. A field that is omitted or null does not change, except that a null `label` removes the label. Existing runs do not change.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The global ID of the schedule to change.' }),
    isActive: t.boolean({
      description:
        'False to pause the schedule. True to resume it from now on, without runs for the time of the pause.',
    }),
    trigger: t.field({ type: ReportTriggerInput, description: 'When to run the report from now on.' }),
    label: t.string({ description: 'The new label, at most 255 characters. Null removes the label.' }),
    tags: t.stringList({
      description:
        'The new tags, which replace all tags of the schedule: at most 10, of at most 50 characters each.',
    }),
  }),
  run: (context, viewer, { id, isActive, trigger, label, tags }) =>
    updateSchedule(context, viewer, id, {
      isActive: isActive ?? undefined,
      trigger: trigger ? readTrigger(trigger) : undefined,
      label,
      tags: tags ?? undefined,
    }),
  payload: changedSchedule,
})

deletion('deleteReportSchedule', {
  object: 'schedule',
  description: 'Deletes a schedule. Its runs are kept.',
  run: deleteSchedule,
})

function changedSchedule(t: FieldBuilder<Outcome<ReportScheduleRow>>) {
  return {
    reportSchedule: t.expose('result', {
      type: ReportSchedule,
      nullable: true,
      description: 'The schedule after the mutation. Null when there are user errors.',
    }),
  }
}
