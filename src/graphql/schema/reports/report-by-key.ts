import type { InputFieldBuilder, InputRef } from '@pothos/core'
import { intervalEnds, type ReportRequest } from '../../../reports/interval.ts'
import type { AnyReportType } from '../../../reports/report-type.ts'
import type { SchemaTypes } from '../../builder.ts'
import { camelCase } from './input-key.ts'
import type { ReportIntervalInput } from './interval-input.ts'
import { parametersInput, readParameters, type TypedParameters, toText } from './parameters-input.ts'

/** A report type with its key in a report input, and the input for its parameters. */
export type ReportKey = { type: AnyReportType; key: string; input: InputRef<TypedParameters> }

type ByName<Interval> = {
  name: string
  parameters?: Record<string, unknown> | null | undefined
  interval?: Interval | null | undefined
}

export type ReportInputValue<Interval> = Readonly<Record<string, unknown>> & {
  byName?: ByName<Interval> | null | undefined
}

type Fields = InputFieldBuilder<SchemaTypes, 'InputObject'>

type Range = typeof ReportIntervalInput.$inferInput

/** The field `interval` in the input for the parameters of a type: an object for a run, a name for a schedule. */
type TypedInterval<Interval> =
  | Interval
  | (Omit<Range, 'relative'> & { relative?: Interval | null | undefined })

/** A report as commands accept it. */
export type RequestedReport<Interval extends string> = ReportRequest<Interval> & {
  /** Maps a path in a command's request to a path in an input that has `report` and `output`. */
  pathOf(path: readonly string[]): readonly string[]
}

/**
 * A built-in type with its key.
 *
 * @param suffix the part after the key in the name of the input type for its parameters
 * @param interval the field `interval` of that input; see parametersInput
 */
export function reportKey(
  type: AnyReportType,
  suffix: string,
  interval: Parameters<typeof parametersInput>[2],
): ReportKey {
  const key = camelCase(type.name)
  const name = `${key[0]?.toUpperCase()}${key.slice(1)}${suffix}`
  return { type, key, input: parametersInput(name, type, interval) }
}

/** The fields of a report input: one per key. */
export function keyFields(t: Fields, keys: readonly ReportKey[]) {
  return Object.fromEntries(
    keys.map(({ key, type, input }) => {
      const description = `${type.name}: ${type.title}.`
      const deprecationReason =
        type.replacedBy && `Use ${camelCase(type.replacedBy)}, which has all of its columns and more.`
      return [key, t.field({ type: input, description, ...(deprecationReason && { deprecationReason }) })]
    }),
  )
}

/** The fields of an input that names a report type at run time, without its interval. */
export function byNameFields(t: Fields) {
  return {
    name: t.string({ required: true, description: 'The name of the report type.' }),
    parameters: t.field({
      type: 'JSONObject',
      description:
        "The parameters by their names in the catalog, validated against the type's `parametersSchema`. Default: none.",
    }),
  }
}

/** The fields of an output that a command checks. */
const outputFields = ['formats', 'byteOrderMark', 'retention']

/** Reads a report input as commands accept it. */
export function readReport<Interval extends string>(
  input: ReportInputValue<Interval>,
  keys: readonly ReportKey[],
): RequestedReport<Interval> {
  const { pathOf, ...report } = input.byName ? readByName(input.byName) : readTyped(input, keys)
  return {
    ...report,
    pathOf: (path) => {
      if (path[0] === 'type' || path[0] === 'parameters') return ['report', ...pathOf(path)]
      return outputFields.includes(path[0] ?? '') ? ['output', ...path] : path
    },
  }
}

function readByName<Interval extends string>({
  name,
  parameters,
  interval = null,
}: ByName<Interval>): RequestedReport<Interval> {
  return {
    type: name,
    parameters: parameters ?? {},
    relativeInterval: interval,
    pathOf: ([part = '', ...rest]) => {
      if (part === 'type') return ['byName', 'name']
      const isRelative = interval !== null && intervalEnds.includes(rest[0] ?? '')
      return isRelative ? ['byName', 'interval'] : ['byName', part, ...rest]
    },
  }
}

function readTyped<Interval extends string>(
  input: ReportInputValue<Interval>,
  keys: readonly ReportKey[],
): RequestedReport<Interval> {
  const named = keys.find(({ key }) => input[key])
  if (!named) throw new Error('The report input names no report, which GraphQL should have rejected.')
  const { type, key } = named
  // The input types guarantee that a key has this value, and that its interval has this type.
  const { interval, ...given } = input[key] as TypedParameters & { interval?: TypedInterval<Interval> }
  const { between, relative = null } =
    typeof interval === 'object' ? interval : { relative: interval, between: null }
  return {
    type: type.name,
    parameters: {
      ...(between?.start && { interval_start: toText(between.start) }),
      ...(between?.end && { interval_end: toText(between.end) }),
      ...readParameters(type, given),
    },
    relativeInterval: relative,
    pathOf: ([part, name = '', ...rest]) => {
      if (part !== 'parameters') return [key]
      if (!interval || !intervalEnds.includes(name)) return [key, camelCase(name), ...rest]
      if (typeof interval === 'string') return [key, 'interval']
      const path = relative ? ['relative'] : ['between', name === 'interval_start' ? 'start' : 'end']
      return [key, 'interval', ...path]
    },
  }
}
