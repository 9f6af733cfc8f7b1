import type { GivenTrigger } from '../../../schedules/trigger.ts'
import { builder } from '../../builder.ts'
import { ReportInput } from '../reports/report-input.ts'
import { ReportOutputInput } from '../runs/create-report-run.ts'

const CronInput = builder.inputType('CronInput', {
  description: 'Times that come again and again.',
  fields: (t) => ({
    expression: t.string({
      required: true,
      description:
        'Minute, hour, day of month, month and day of week, such as "0 6 * * MON-FRI". A time of day that the clocks skip comes as much later as they are set forward, one that they show twice comes once.',
    }),
    timezone: t.string({
      description: 'IANA name of the timezone that it is in; that of the report when absent.',
    }),
  }),
})

const ReportTriggerInput = builder.inputType('ReportTriggerInput', {
  description: 'What makes a schedule run.',
  isOneOf: true,
  fields: (t) => ({
    cron: t.field({ type: CronInput, description: 'At these times, within a minute.' }),
    onDataAvailable: t.field({
      type: 'Duration',
      description:
        "Each time the type's data has grown by a whole period: 1 to 1000 of one unit, from minutes to years, such as P1D. Days end at midnight in the timezone of the report, weeks on Sunday, months with their last day. Several periods at once make one run.",
    }),
  }),
})

export const ReportScheduleInput = builder.inputType('ReportScheduleInput', {
  description: 'Input of createReportSchedule.',
  fields: (t) => ({
    report: t.field({
      type: ReportInput,
      required: true,
      description: 'What to run, with a relative interval; it counts from when each run is due.',
    }),
    output: t.field({ type: ReportOutputInput, description: 'How to write it; one CSV file when absent.' }),
    trigger: t.field({ type: ReportTriggerInput, required: true, description: 'When to run it.' }),
    label: t.string({ description: 'Label of the schedule and of each run, at most 255 characters.' }),
    tags: t.stringList({ description: 'At most 10 tags of each run, of at most 50 characters.' }),
  }),
})

export const ReportSchedulePatch = builder.inputType('ReportSchedulePatch', {
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

export function readTrigger({ cron, onDataAvailable }: typeof ReportTriggerInput.$inferInput): GivenTrigger {
  if (cron) return { kind: 'cron', expression: cron.expression, timezone: cron.timezone ?? null }
  if (onDataAvailable) return { kind: 'data', period: onDataAvailable }
  throw new Error('The trigger names none, which GraphQL should have refused.')
}
