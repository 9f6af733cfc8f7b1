import { intervalEnds } from '../../../reports/interval.ts'
import type { Parameter } from '../../../reports/parameters.ts'
import type { AnyReportType } from '../../../reports/report-type.ts'
import { builder } from '../../builder.ts'
import { camelCase } from './input-key.ts'
import { type ReportIntervalInput, ScheduleInterval } from './interval-input.ts'
import { ReportingCategory } from './reporting-category.ts'

/** The input value for the parameters of a type: values by their names in camel case, and sometimes `interval`. */
export type TypedParameters = Readonly<Record<string, unknown>>

const DecimalSeparator = builder.enumType('DecimalSeparator', {
  description: 'The characters that separate the integer part of an amount from its fraction.',
  values: {
    POINT: { value: '.', description: 'A point, as in 1234.56.' },
    COMMA: { value: ',', description: 'A comma, as in 1234,56.' },
  },
})

type ValueType =
  | 'Currency'
  | 'DateTime'
  | 'String'
  | 'TimeZone'
  | typeof DecimalSeparator
  | typeof ReportingCategory

/** Types that are narrower than in the catalog, by parameter name. Their internal values are those of the catalog. */
const narrowTypes: Readonly<Record<string, ValueType>> = {
  currency: 'Currency',
  timezone: 'TimeZone',
  decimal_separator: DecimalSeparator,
  reporting_category: ReportingCategory,
}

/** Descriptions that differ from the catalog: that of a time also mentions Unix seconds, which only JSON accepts. */
const descriptions: Readonly<Record<string, string>> = {
  interval_end: 'The exclusive end of the data to cover.',
}

/**
 * The input type for the parameters of a report type.
 *
 * @param interval the type of the field `interval`, which replaces the parameters for the ends of the interval; null to
 *   keep those that the report type has as separate fields
 */
export function parametersInput(
  name: string,
  { name: typeName, parameters }: AnyReportType,
  interval: { type: typeof ReportIntervalInput | typeof ScheduleInterval; description: string } | null,
) {
  const plain = Object.entries(parameters).filter(([one]) => interval === null || !intervalEnds.includes(one))
  return builder.inputRef<TypedParameters>(name).implement({
    description: `The parameters of ${typeName}.`,
    fields: (t) =>
      Object.fromEntries([
        ...(interval ? [['interval', t.field({ ...interval, required: true })] as const] : []),
        ...plain.map(([one, parameter]) => {
          const { isRequired } = parameter
          // The default depends on the trigger.
          const isOfSchedule = one === 'timezone' && interval?.type === ScheduleInterval
          const defaultValue = isOfSchedule ? null : parameter.defaultValue
          const description = isOfSchedule
            ? `${parameter.description} Default: the timezone of the cron trigger, or UTC for a schedule that data triggers.`
            : (descriptions[one] ?? parameter.description)
          const type = inputTypeOf(one, parameter)
          const required = isRequired || defaultValue !== null
          const options = { type, description, required, defaultValue: defaultValue ?? undefined }
          return [camelCase(one), t.field(options)] as const
        }),
      ]),
  })
}

/** The parameters by their names in the catalog, without the field `interval`. */
export function readParameters(type: AnyReportType, given: TypedParameters): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(type.parameters).flatMap((name) => {
      const value = given[camelCase(name)]
      return value === undefined || value === null ? [] : [[name, toText(value)]]
    }),
  )
}

/** Converts a date to text, because parameters are JSON. */
export function toText(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : value
}

function inputTypeOf(name: string, { type, isList }: Parameter): ValueType | [ValueType] {
  const one = narrowTypes[name] ?? (type === 'TIMESTAMP' ? 'DateTime' : 'String')
  return isList ? [one] : one
}
