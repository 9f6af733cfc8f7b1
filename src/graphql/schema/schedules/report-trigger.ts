import { Temporal } from 'temporal-polyfill'
import type { ReportSchedule as ReportScheduleRow } from '../../../postgres/generated/prisma/client.ts'
import type { GivenTrigger } from '../../../schedules/trigger.ts'
import { builder } from '../../builder.ts'

const Cron = builder.objectRef<{ expression: string; timezone: string }>('Cron').implement({
  description: 'A cron expression and its timezone.',
  fields: (t) => ({
    expression: t.exposeString('expression', {
      description: 'The minute, hour, day of month, month and day of week.',
    }),
    timezone: t.expose('timezone', {
      type: 'TimeZone',
      description: 'The timezone of the expression.',
    }),
  }),
})

export const ReportTrigger = builder.objectRef<ReportScheduleRow>('ReportTrigger').implement({
  description: 'What triggers the runs of a schedule: a cron expression or new data.',
  fields: (t) => ({
    cron: t.field({
      type: Cron,
      nullable: true,
      description: 'The times of the runs. Null when new data triggers the runs.',
      resolve: ({ cronExpression: expression, cronTimezone: timezone }) =>
        expression !== null && timezone !== null ? { expression, timezone } : null,
    }),
    onDataAvailable: t.field({
      type: 'Duration',
      nullable: true,
      description:
        "A run is created each time the type's data has grown by this period. Null when a cron expression triggers the runs.",
      resolve: ({ dataPeriod }) => (dataPeriod === null ? null : Temporal.Duration.from(dataPeriod)),
    }),
  }),
})

const CronInput = builder.inputType('CronInput', {
  description: 'A cron expression and its timezone.',
  fields: (t) => ({
    expression: t.string({
      required: true,
      description:
        'The minute, hour, day of month, month and day of week, such as "0 6 * * MON-FRI". If a DST change skips a time, the run is due after the change. If a DST change repeats a time, the run is due once.',
    }),
    timezone: t.field({
      type: 'TimeZone',
      description:
        'The timezone of the expression, and of a report without one: its relative interval and its times are in it. Default: the timezone of the report. If the report has none, the default is the timezone of the previous trigger, or UTC for a new schedule.',
    }),
  }),
})

export const ReportTriggerInput = builder.inputType('ReportTriggerInput', {
  description: 'What triggers the runs of a schedule.',
  isOneOf: true,
  fields: (t) => ({
    cron: t.field({
      type: CronInput,
      description: 'Run at these times. Each run is created within a minute of its time.',
    }),
    onDataAvailable: t.field({
      type: 'Duration',
      description:
        'Run each time the data of the report type has grown by this period. A period, such as P1D, has a single unit, from minutes to years, and a value from 1 to 1000. Days end at midnight in the timezone of the report, or in UTC if it has none, weeks at the end of Sunday, and months at the end of their last day. If the data grows by several periods at once, one run covers them.',
    }),
  }),
})

export function readTrigger({ cron, onDataAvailable }: typeof ReportTriggerInput.$inferInput): GivenTrigger {
  if (cron) return { kind: 'cron', expression: cron.expression, timezone: cron.timezone ?? null }
  if (onDataAvailable) return { kind: 'data', period: onDataAvailable }
  throw new Error('The trigger has no field, which GraphQL should have rejected.')
}
