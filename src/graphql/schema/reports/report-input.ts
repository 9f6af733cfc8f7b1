import { builtInReportTypes } from '../../../reports/catalog.ts'
import type { RelativeInterval as RelativeIntervalValue, ReportRequest } from '../../../reports/interval.ts'
import type { AnyReportType } from '../../../reports/report-type.ts'
import { builder } from '../../builder.ts'

const BetweenInput = builder.inputType('BetweenInput', {
  description: 'A half-open span of time.',
  fields: (t) => ({
    start: t.field({ type: 'DateTime', required: true, description: 'Inclusive start.' }),
    end: t.field({ type: 'DateTime', required: true, description: 'Exclusive end.' }),
  }),
})

export const RelativeInterval = builder.enumType('RelativeInterval', {
  description: "Periods that are over, from midnight to midnight in the report's timezone.",
  values: {
    YESTERDAY: { description: 'The last whole day.' },
    LAST_7_DAYS: { description: 'The last seven whole days.' },
    PREVIOUS_MONTH: { description: 'The last whole calendar month.' },
    PREVIOUS_PERIOD: {
      description:
        "What has passed since the schedule's last run, or for the first one since its cron expression came due last; for schedules only.",
    },
  } satisfies Record<RelativeIntervalValue, { description: string }>,
})

const IntervalInput = builder.inputType('IntervalInput', {
  description: 'Data to cover.',
  isOneOf: true,
  fields: (t) => ({
    between: t.field({ type: BetweenInput, description: 'Between given times.' }),
    relative: t.field({ type: RelativeInterval, description: 'A period that is over.' }),
  }),
})

type IntervalValue = { between?: { start: Date; end: Date } | null; relative?: RelativeIntervalValue | null }
/** What arrives for the input of a type: an interval, and values by their names in camel case. */
type TypedParameters = Record<string, unknown> & { interval?: IntervalValue }

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

type CustomReport = {
  type: string
  parameters: Record<string, unknown>
  interval?: RelativeIntervalValue | null
}
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

/** A report input as commands take it, and where each parameter stands in it. */
export type RequestedReport = ReportRequest & {
  /** The path of a parameter, or of the type's name, below the input. */
  pathOf(path: readonly string[]): readonly string[]
}

export function readReportInput(input: ReportInputValue): RequestedReport {
  if (input.custom) return readCustom(input.custom)
  for (const { type, key } of typedInputs) {
    const given = input[key]
    if (given) return readTyped(type, key, Object(given))
  }
  throw new Error('The report input names no report, which GraphQL should have refused.')
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

/** The input type of a report type, made from its parameters. */
function parametersInput(type: AnyReportType, inputKey: string) {
  const ref = builder.inputRef<TypedParameters>(`${inputKey[0]?.toUpperCase()}${inputKey.slice(1)}Parameters`)
  return ref.implement({
    description: `Parameters of ${type.name}.`,
    fields: (t) => {
      const plain = Object.entries(type.parameters).filter(
        ([name]) => !(hasInterval(type) && isIntervalEnd(name)),
      )
      const fields = plain.map(
        ([name, { description, isList, isRequired, defaultValue, type: valueType }]) => {
          const common = {
            description,
            required: isRequired || defaultValue !== null,
            defaultValue: defaultValue ?? undefined,
          }
          if (valueType === 'TIMESTAMP')
            return [camelCase(name), t.field({ type: 'DateTime', description, required: isRequired })]
          if (isList) return [camelCase(name), t.stringList({ description, required: isRequired })]
          return [camelCase(name), t.string(common)]
        },
      )
      const interval = hasInterval(type)
        ? { interval: t.field({ type: IntervalInput, required: true, description: 'Data to cover.' }) }
        : {}
      return { ...interval, ...Object.fromEntries(fields) }
    },
  })
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

function readBetween(interval: IntervalValue | undefined) {
  if (!interval?.between) return {}
  const { start, end } = interval.between
  return { interval_start: start.toISOString(), interval_end: end.toISOString() }
}

function intervalPath(interval: IntervalValue | undefined, name: string): string[] {
  return interval?.relative
    ? ['interval', 'relative']
    : ['interval', 'between', name === 'interval_start' ? 'start' : 'end']
}

function readTyped(type: AnyReportType, key: string, given: TypedParameters): RequestedReport {
  const plain = Object.keys(type.parameters).flatMap((name) => {
    const value = given[camelCase(name)]
    return value === undefined || value === null
      ? []
      : [[name, value instanceof Date ? value.toISOString() : value]]
  })
  return {
    type: type.name,
    parameters: { ...readBetween(given.interval), ...Object.fromEntries(plain) },
    relativeInterval: given.interval?.relative ?? null,
    pathOf: ([part, name = '', ...rest]) => {
      if (part !== 'parameters') return [key]
      if (hasInterval(type) && isIntervalEnd(name)) return [key, ...intervalPath(given.interval, name)]
      return [key, camelCase(name), ...rest]
    },
  }
}
