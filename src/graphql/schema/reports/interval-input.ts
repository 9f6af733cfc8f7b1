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
  'Completed periods, from midnight to midnight in the timezone of the report.',
  relativeIntervals,
)

export const ScheduleInterval = describedEnum<ScheduleIntervalValue>(
  'ScheduleInterval',
  'The periods that the runs of a schedule can cover. The period of a run is over when the run is due. Every period except PREVIOUS_PERIOD is from midnight to midnight in the timezone of the report.',
  {
    ...relativeIntervals,
    PREVIOUS_PERIOD:
      'The time since the previous run of the schedule was due. For the first run, the time since the last match of the cron expression before the schedule was created.',
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
