import type { ReportSchedule as ReportScheduleRow } from '../../../postgres/generated/prisma/client.ts'
import { checkLevels } from '../../../runs/create/request.ts'
import { createSchedule } from '../../../schedules/create.ts'
import { deleteSchedule } from '../../../schedules/schedule.ts'
import { updateSchedule } from '../../../schedules/update.ts'
import { builder } from '../../builder.ts'
import { deletion, mutation, payload } from '../../mutation.ts'
import { ReportOutputInput, readOutput } from '../files/report-output.ts'
import { readScheduledReportInput, ScheduledReportInput } from '../reports/scheduled-report-input.ts'
import { ReportSchedule } from './report-schedule.ts'
import { ReportTriggerInput, readTrigger } from './report-trigger.ts'

const ReportScheduleInput = builder.inputType('ReportScheduleInput', {
  description: 'Input of createReportSchedule.',
  fields: (t) => ({
    report: t.field({
      type: ScheduledReportInput,
      required: true,
      description: 'What to run.',
    }),
    output: t.field({ type: ReportOutputInput, description: 'How to write it; one CSV file when absent.' }),
    trigger: t.field({ type: ReportTriggerInput, required: true, description: 'When to run it.' }),
    label: t.string({ description: 'Label of the schedule and of each run, at most 255 characters.' }),
    tags: t.stringList({ description: 'At most 10 tags of each run, of at most 50 characters.' }),
  }),
})

const ReportSchedulePatch = builder.inputType('ReportSchedulePatch', {
  description: 'What to change of a schedule; what is absent stays as it is.',
  fields: (t) => ({
    isActive: t.boolean({
      description: 'False pauses it. True lets it start from now: it makes up for nothing that was missed.',
    }),
    trigger: t.field({ type: ReportTriggerInput, description: 'When to run it from now on.' }),
    label: t.string({ description: 'New label, at most 255 characters; null takes it away.' }),
    tags: t.stringList({ description: 'Replaces all tags: at most 10 of at most 50 characters.' }),
  }),
})

const ReportSchedulePayload = payload<ReportScheduleRow>('ReportSchedulePayload', {
  description: 'Payload of createReportSchedule and updateReportSchedule.',
  fields: (t) => ({
    reportSchedule: t.expose('result', {
      type: ReportSchedule,
      nullable: true,
      description: 'The schedule as it is now; null only with userErrors.',
    }),
  }),
  userErrors: 'What was wrong; then nothing was changed.',
})

mutation('createReportSchedule', {
  type: ReportSchedulePayload,
  description:
    'Runs a report again and again, from now on. Each time it is due it makes one run; of times that were missed it makes one, for the last.',
  args: (arg) => ({
    input: arg({
      type: ReportScheduleInput,
      required: true,
      description: 'What to run, how to write it, and when.',
    }),
  }),
  run: async ({ input }, context, viewer) => {
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
  pathOf: (path, { input }) => ['input', ...readScheduledReportInput(input.report).pathOf(path)],
})

mutation('updateReportSchedule', {
  type: ReportSchedulePayload,
  description: 'Pauses a schedule, turns it on again, or changes it. Runs that it has made stay as they are.',
  args: (arg) => ({
    id: arg.id({ required: true, description: 'Global id of the schedule to change.' }),
    patch: arg({ type: ReportSchedulePatch, required: true, description: 'What to change.' }),
  }),
  run: ({ id, patch: { isActive, trigger, label, tags } }, context, viewer) =>
    updateSchedule(context, viewer, id, {
      isActive: isActive ?? undefined,
      trigger: trigger ? readTrigger(trigger) : undefined,
      label,
      tags: tags ?? undefined,
    }),
  pathOf: (path) => (path[0] === 'id' ? path : ['patch', ...path]),
})

deletion('deleteReportSchedule', {
  object: 'schedule',
  verb: 'delete',
  description: 'Deletes a schedule. Runs that it has made stay as they are.',
  remove: deleteSchedule,
})
