import { builtInReportTypes } from '../../../reports/catalog.ts'
import type { ScheduleInterval as ScheduleIntervalValue } from '../../../schedules/scheduled-report.ts'
import { builder } from '../../builder.ts'
import { ScheduleInterval } from './interval-input.ts'
import {
  byNameFields,
  keyFields,
  type ReportInputValue,
  type RequestedReport,
  readReport,
  reportKey,
} from './report-by-key.ts'

const interval = { type: ScheduleInterval, description: 'The data that each run covers.' }
const intervalEnd = {
  type: ScheduleInterval,
  description:
    'The interval that determines how far each run reaches: the run covers all data before the end of the interval.',
}

const keys = builtInReportTypes
  // The other types report on one payout, which never changes.
  .filter(({ parameters }) => 'interval_end' in parameters)
  .map((type) =>
    reportKey(type, 'ScheduleParametersInput', 'interval_start' in type.parameters ? interval : intervalEnd),
  )

const ScheduledReportByNameInput = builder.inputType('ScheduledReportByNameInput', {
  description: 'A report type by its name.',
  fields: (t) => ({
    ...byNameFields(t),
    interval: t.field({
      type: ScheduleInterval,
      description:
        'The data that each run covers. A type with the parameters interval_start or interval_end requires it, because these parameters are not accepted here.',
    }),
  }),
})

type Value = ReportInputValue<ScheduleIntervalValue>

export const ScheduledReportInput = builder.inputRef<Value>('ScheduledReportInput').implement({
  description:
    'The report that each run of a schedule produces. Its interval is relative to the time at which the run is due.',
  isOneOf: true,
  fields: (t) => ({
    ...keyFields(t, keys),
    byName: t.field({
      type: ScheduledReportByNameInput,
      description: 'Any report type by its name, for tools that read the catalog at run time.',
    }),
  }),
})

/** Reads the report of a schedule as commands accept it. */
export function readScheduledReportInput(input: Value): RequestedReport<ScheduleIntervalValue> {
  return readReport(input, keys)
}
