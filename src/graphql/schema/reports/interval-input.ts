import type { RelativeInterval as RelativeIntervalValue } from '../../../reports/interval.ts'
import type { ScheduleInterval as ScheduleIntervalValue } from '../../../schedules/scheduled-report.ts'
import { builder, describedEnum } from '../../builder.ts'
import { DateTimeRangeInput } from '../date-time-range.ts'

const relativeIntervals = {
  YESTERDAY: 'The last whole day.',
  LAST_7_DAYS: 'The last seven whole days.',
  PREVIOUS_MONTH: 'The last whole calendar month.',
}

export const RelativeInterval = describedEnum<RelativeIntervalValue>(
  'RelativeInterval',
  "Periods that are over, from midnight to midnight in the report's timezone.",
  relativeIntervals,
)

export const ScheduleInterval = describedEnum<ScheduleIntervalValue>(
  'ScheduleInterval',
  "Periods that each run of a schedule covers. They are over when the run is due; all but PREVIOUS_PERIOD go from midnight to midnight in the report's timezone.",
  {
    ...relativeIntervals,
    PREVIOUS_PERIOD:
      "The time since the schedule's last run was due; for the first run, the time since the last occurrence of its cron expression before it was created.",
  },
)

export const ReportIntervalInput = builder.inputType('ReportIntervalInput', {
  description: 'The data to cover.',
  isOneOf: true,
  fields: (t) => ({
    between: t.field({
      type: DateTimeRangeInput,
      description: 'A fixed interval. A report needs both ends of it.',
    }),
    relative: t.field({
      type: RelativeInterval,
      description: 'A period that is over when the run is created.',
    }),
  }),
})
