import { builtInReportTypes } from '../../../reports/catalog.ts'
import type { RelativeInterval as RelativeIntervalValue, ReportRequest } from '../../../reports/interval.ts'
import type { AnyReportType } from '../../../reports/report-type.ts'
import { builder, describedEnum } from '../../builder.ts'

const BetweenInput = builder.inputType('BetweenInput', {
  description: 'A half-open span of time.',
  fields: (t) => ({
    start: t.field({ type: 'DateTime', required: true, description: 'Inclusive start.' }),
    end: t.field({ type: 'DateTime', required: true, description: 'Exclusive end.' }),
  }),
})

export const RelativeInterval = describedEnum<RelativeIntervalValue>(
  'RelativeInterval',
  "Periods that are over, from midnight to midnight in the report's timezone.",
  {
    YESTERDAY: 'The last whole day.',
    LAST_7_DAYS: 'The last seven whole days.',
    PREVIOUS_MONTH: 'The last whole calendar month.',
    PREVIOUS_PERIOD:
      "What has passed since the schedule's last run, or for the first one since its cron expression came due last; for schedules only.",
  },
)

const IntervalInput = builder.inputType('IntervalInput', {
  description: 'Data to cover.',
  isOneOf: true,
  fields: (t) => ({
    between: t.field({ type: BetweenInput, description: 'Between given times.' }),
    relative: t.field({ type: RelativeInterval, description: 'A period that is over.' }),
  }),
})

/** What arrives for the input of a type: an interval, and values by their names in camel case. */
type TypedParameters = Record<string, unknown> & { interval?: typeof IntervalInput.$inferInput }

const CustomReportInput = builder.inputType('CustomReportInput', {
  description: 'A report type that is named at run time.',
  fields: (t) => ({
    type: t.string({ required: true, description: 'Name of the report type.' }),
    parameters: t.field({
      type: 'JSONObject',
      required: true,
      description: "Parameters by their names in the catalogue; checked against the type's parametersSchema.",
    }),
    interval: t.field({
      type: RelativeInterval,
      description:
        'A period that is over; takes the place of the parameters interval_start and interval_end.',
    }),
  }),
})

type CustomReport = typeof CustomReportInput.$inferInput
type ReportInputValue = Record<string, unknown> & { custom?: CustomReport | null }

const typedInputs = builtInReportTypes.flatMap((type) =>
  type.inputKey === null ? [] : [{ type, key: type.inputKey, input: parametersInput(type, type.inputKey) }],
)

export const ReportInput = builder.inputRef<ReportInputValue>('ReportInput').implement({
  description:
    'The report to run. The key names the report type, so that GraphQL itself checks its parameters.',
  isOneOf: true,
  fields: (t) => ({
    ...Object.fromEntries(
      typedInputs.map(({ key, type, input }) => [
        key,
        t.field({ type: input, description: `${type.name}: ${type.title}.` }),
      ]),
    ),
    custom: t.field({
      type: CustomReportInput,
      description: 'Any type by name, for tools that read the catalogue at run time.',
    }),
  }),
})

/** A report as commands take it. */
export type RequestedReport = ReportRequest & {
  /** Where a field of a command's request stands in an input that has `report` and `output`. */
  pathOf(path: readonly string[]): readonly string[]
}

export function readReportInput(input: ReportInputValue): RequestedReport {
  const { pathOf, ...report } = readReport(input)
  return {
    ...report,
    pathOf: (path) => {
      if (path[0] === 'type' || path[0] === 'parameters') return ['report', ...pathOf(path)]
      return path[0] === 'formats' || path[0] === 'retention' ? ['output', ...path] : path
    },
  }
}

/** A report input, with where each parameter, and the type's name, stands in it. */
function readReport(input: ReportInputValue): RequestedReport {
  if (input.custom) return readCustom(input.custom)
  for (const { type, key } of typedInputs) {
    const given = input[key]
    // By the input types, the value of such a key is one of these.
    if (given) return readTyped(type, key, given as TypedParameters)
  }
  throw new Error('The report input names no report, which GraphQL should have refused.')
}

function readCustom({ type, parameters, interval }: CustomReport): RequestedReport {
  return {
    type,
    parameters,
    relativeInterval: interval ?? null,
    pathOf: (path) => {
      const isRelative = interval && path[0] === 'parameters' && isIntervalEnd(path[1] ?? '')
      return isRelative ? ['custom', 'interval'] : ['custom', ...path]
    },
  }
}

function readTyped(type: AnyReportType, key: string, given: TypedParameters): RequestedReport {
  const { between, relative } = given.interval ?? {}
  const plain = Object.keys(type.parameters).flatMap((name) => {
    const value = given[camelCase(name)]
    return value === undefined || value === null ? [] : [[name, toText(value)]]
  })
  return {
    type: type.name,
    parameters: {
      ...(between && { interval_start: toText(between.start), interval_end: toText(between.end) }),
      ...Object.fromEntries(plain),
    },
    relativeInterval: relative ?? null,
    pathOf: ([part, name = '', ...rest]) => {
      if (part !== 'parameters') return [key]
      if (!hasInterval(type) || !isIntervalEnd(name)) return [key, camelCase(name), ...rest]
      if (relative) return [key, 'interval', 'relative']
      return [key, 'interval', 'between', name === 'interval_start' ? 'start' : 'end']
    },
  }
}

/** Parameters are JSON, which has no dates. */
function toText(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : value
}

function parametersInput(type: AnyReportType, inputKey: string) {
  const name = `${inputKey[0]?.toUpperCase()}${inputKey.slice(1)}Parameters`
  const plain = Object.entries(type.parameters).filter(
    ([parameter]) => !(hasInterval(type) && isIntervalEnd(parameter)),
  )
  return builder.inputRef<TypedParameters>(name).implement({
    description: `Parameters of ${type.name}.`,
    fields: (t) => ({
      ...(hasInterval(type) && {
        interval: t.field({ type: IntervalInput, required: true, description: 'Data to cover.' }),
      }),
      ...Object.fromEntries(
        plain.map(([parameter, { type: valueType, description, isList, isRequired, defaultValue }]) => {
          const options = { description, required: isRequired || defaultValue !== null }
          const field = camelCase(parameter)
          if (valueType === 'TIMESTAMP') return [field, t.field({ type: 'DateTime', ...options })]
          if (isList) return [field, t.stringList(options)]
          return [field, t.string({ ...options, defaultValue: defaultValue ?? undefined })]
        }),
      ),
    }),
  })
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function hasInterval({ parameters }: AnyReportType): boolean {
  return 'interval_start' in parameters
}

function isIntervalEnd(name: string): boolean {
  return name === 'interval_start' || name === 'interval_end'
}
