import { Temporal } from 'temporal-polyfill'
import type { ReportSchedule as ReportScheduleRow } from '../../../postgres/generated/prisma/client.ts'
import type { GivenTrigger } from '../../../schedules/trigger.ts'
import { builder } from '../../builder.ts'

const Cron = builder.objectRef<{ expression: string; timezone: string }>('Cron').implement({
  description: 'Times that come again and again.',
  fields: (t) => ({
    expression: t.exposeString('expression', {
      description: 'Minute, hour, day of month, month and day of week.',
    }),
    timezone: t.expose('timezone', {
      type: 'TimeZone',
      description: 'Timezone whose clocks the expression follows.',
    }),
  }),
})

export const ReportTrigger = builder.objectRef<ReportScheduleRow>('ReportTrigger').implement({
  description: 'What makes the runs of a schedule: one of these, the other is null.',
  fields: (t) => ({
    cron: t.field({
      type: Cron,
      nullable: true,
      description: 'At these times.',
      resolve: ({ cronExpression: expression, cronTimezone: timezone }) =>
        expression !== null && timezone !== null ? { expression, timezone } : null,
    }),
    onDataAvailable: t.field({
      type: 'Duration',
      nullable: true,
      description: "Each time the type's data has grown by this.",
      resolve: ({ dataPeriod }) => (dataPeriod === null ? null : Temporal.Duration.from(dataPeriod)),
    }),
  }),
})

const CronInput = builder.inputType('CronInput', {
  description: 'Times that come again and again.',
  fields: (t) => ({
    expression: t.string({
      required: true,
      description:
        'Minute, hour, day of month, month and day of week, such as "0 6 * * MON-FRI". A time of day that the clocks skip comes as much later as they are set forward, one that they show twice comes once.',
    }),
    timezone: t.field({
      type: 'TimeZone',
      description: 'Timezone whose clocks the expression follows; that of the report when absent.',
    }),
  }),
})

export const ReportTriggerInput = builder.inputType('ReportTriggerInput', {
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

export function readTrigger({ cron, onDataAvailable }: typeof ReportTriggerInput.$inferInput): GivenTrigger {
  if (cron) return { kind: 'cron', expression: cron.expression, timezone: cron.timezone ?? null }
  if (onDataAvailable) return { kind: 'data', period: onDataAvailable }
  throw new Error('The trigger names none, which GraphQL should have refused.')
}
