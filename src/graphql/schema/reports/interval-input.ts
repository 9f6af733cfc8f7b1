import type { RelativeInterval as RelativeIntervalValue } from '../../../reports/interval.ts'
import type { ScheduleInterval as ScheduleIntervalValue } from '../../../schedules/scheduled-report.ts'
import { builder, describedEnum } from '../../builder.ts'
import { DateTimeRangeInput } from '../date-time-range.ts'

const relativeIntervals = {
  YESTERDAY: 'The last full day.',
  LAST_7_DAYS: 'The last seven full days.',
  PREVIOUS_MONTH: 'The last full calendar month.',
}

export const RelativeInterval = describedEnum<RelativeIntervalValue>(
  'RelativeInterval',
  'Completed periods, from midnight to midnight in the timezone of the report, or in UTC if the report has none.',
  relativeIntervals,
)

export const ScheduleInterval = describedEnum<ScheduleIntervalValue>(
  'ScheduleInterval',
  'The periods that the runs of a schedule can cover. The period of a run is over when the run is due. Every period except PREVIOUS_PERIOD is from midnight to midnight in the timezone of the report. If the report has none, the timezone is that of the cron trigger, or UTC for a schedule that data triggers.',
  {
    ...relativeIntervals,
    PREVIOUS_PERIOD:
      'From the `coveredUntil` of the schedule, where the period of its previous run ended, until the run is due. For the first run after the schedule was created or resumed, `coveredUntil` depends on the trigger. With cron, it is the last time before then that matched the expression. With `onDataAvailable`, it is the start of the day, week, month or other unit in which the data ended, or the start of the data when there was none.',
  },
)

export const ReportIntervalInput = builder.inputType('ReportIntervalInput', {
  description: 'The data to cover.',
  isOneOf: true,
  fields: (t) => ({
    between: t.field({
      type: DateTimeRangeInput,
      description: 'A fixed interval. Both ends are required.',
    }),
    relative: t.field({
      type: RelativeInterval,
      description: 'A period that is over when the run is created.',
    }),
  }),
})
