import { builtInReportTypes } from '../../../reports/catalog.ts'
import type { RelativeInterval as RelativeIntervalValue } from '../../../reports/interval.ts'
import { builder } from '../../builder.ts'
import { RelativeInterval, ReportIntervalInput } from './interval-input.ts'
import {
  byNameFields,
  keyFields,
  type ReportInputValue,
  type RequestedReport,
  readReport,
  reportKey,
} from './report-by-key.ts'

const interval = { type: ReportIntervalInput, description: 'The data to cover.' }

const keys = builtInReportTypes.map((type) =>
  // Some types cover one instant or one payout.
  reportKey(type, 'ParametersInput', 'interval_start' in type.parameters ? interval : null),
)

const ReportByNameInput = builder.inputType('ReportByNameInput', {
  description: 'A report type by its name.',
  fields: (t) => ({
    ...byNameFields(t),
    interval: t.field({
      type: RelativeInterval,
      description:
        'A period that is over when the run is created. It replaces the parameters interval_start and interval_end.',
    }),
  }),
})

type Value = ReportInputValue<RelativeIntervalValue>

export const ReportInput = builder.inputRef<Value>('ReportInput').implement({
  description:
    'The report to run. The field names the report type and its version, so that GraphQL validates the parameters.',
  isOneOf: true,
  fields: (t) => ({
    ...keyFields(t, keys),
    byName: t.field({
      type: ReportByNameInput,
      description: 'Any report type by its name, for tools that read the catalog at run time.',
    }),
  }),
})

/** Reads the report of a run as commands accept it. */
export function readReportInput(input: Value): RequestedReport<RelativeIntervalValue> {
  return readReport(input, keys)
}
