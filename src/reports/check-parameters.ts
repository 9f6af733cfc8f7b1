import { Temporal } from 'temporal-polyfill'
import { InputError, InputErrors } from '../errors.ts'
import { chooseColumn } from './column.ts'
import { preview } from './parameters.ts'
import type { AcceptedParameters, AnyReportType, Availability } from './report-type.ts'

/** More errors would not help, and each can carry a long list of allowed values. */
const maxErrors = 50

/**
 * Checks parameters against a report type and fills in defaults, including the type's default columns. It accepts its
 * own result unchanged.
 *
 * @param availability the span with data for the type; null when there is no data
 * @param canWaitForData true when the interval can end after the available data
 * @throws InputErrors with every mistake, or the first fifty
 */
export function checkParameters(
  type: AnyReportType,
  given: Readonly<Record<string, unknown>>,
  availability: Availability | null,
  canWaitForData = false,
): AcceptedParameters {
  const errors = unknownParameters(type, given)
  const accepted: Record<string, string | readonly string[]> = {}
  for (const [name, { schema, description, allowedValues }] of Object.entries(type.parameters)) {
    const value = given[name] ?? undefined
    const { data, error } = schema.safeParse(value)
    if (data !== undefined) accepted[name] = data
    for (const { message, path } of error?.issues.slice(0, 1) ?? []) {
      const missing = `${type.name} requires the parameter "${name}": ${description}`
      const text = value === undefined ? missing : message
      errors.push(new InputError(text, [name, ...path.map(String)], allowedValues))
    }
  }
  const chosen = accepted.columns
  if (Array.isArray(chosen)) errors.push(...checkColumns(type, chosen))
  errors.push(...checkInterval(type, accepted, availability, canWaitForData))
  if (errors.length > 0) throw new InputErrors(errors.slice(0, maxErrors))

  if (type.parameters.columns && !chosen) {
    accepted.columns = type.columns.filter(({ isDefault }) => isDefault).map(({ name }) => name)
  }
  return accepted
}

function unknownParameters(type: AnyReportType, given: Readonly<Record<string, unknown>>): InputError[] {
  const names = Object.keys(type.parameters)
  return Object.keys(given)
    .filter((name) => !names.includes(name))
    .map((name) => {
      const message = `${type.name} has no parameter ${preview(name)}. Its parameters are ${names.join(', ')}.`
      return new InputError(message, [name], names)
    })
}

function checkColumns(type: AnyReportType, chosen: readonly string[]): InputError[] {
  const names = type.columns.map(({ name }) => name)
  return chosen.flatMap((name, i) => {
    const path = ['columns', String(i)]
    if (!chooseColumn(type.columns, name)) {
      const hint = names.includes(`${name}[key]`) ? ` Add a key, for example "${name}[order_id]".` : ''
      return [new InputError(`${type.name} has no column ${preview(name)}.${hint}`, path, names)]
    }
    return chosen.indexOf(name) < i
      ? [new InputError(`The column ${preview(name)} is listed twice.`, path)]
      : []
  })
}

function checkInterval(
  type: AnyReportType,
  { interval_start: start, interval_end: end }: AcceptedParameters,
  availability: Availability | null,
  canWaitForData: boolean,
): InputError[] {
  if (typeof end !== 'string') return []
  if (!availability && !canWaitForData) {
    return [new InputError(`There is no data for ${type.name} yet.`, ['interval_end'])]
  }
  const errors = Object.entries({ interval_start: start, interval_end: end }).flatMap(([name, value]) =>
    availability && typeof value === 'string'
      ? checkCovered(type, name, value, availability, canWaitForData)
      : [],
  )
  if (typeof start === 'string' && Temporal.Instant.compare(start, end) >= 0) {
    const fault = start === end ? 'is empty' : 'is reversed'
    const message = `The interval ${fault}: it starts at ${start} and ends at ${end}. The end is exclusive and must be later than the start.`
    errors.push(new InputError(message, ['interval_end']))
  }
  return errors
}

/** Checks that one bound of the interval is within the available data, or after it when the run can wait for data. */
function checkCovered(
  type: AnyReportType,
  name: string,
  value: string,
  availability: Availability,
  canWaitForData: boolean,
): InputError[] {
  const from = Temporal.Instant.fromEpochMilliseconds(availability.from.getTime())
  const until = Temporal.Instant.fromEpochMilliseconds(availability.until.getTime())
  const isLate = !canWaitForData && Temporal.Instant.compare(value, until) > 0
  if (Temporal.Instant.compare(value, from) >= 0 && !isLate) return []
  const message = `Data for ${type.name} is available from ${from} until ${until}; ${name} is ${value}.`
  return [new InputError(message, [name], [from.toString(), ...(canWaitForData ? [] : [until.toString()])])]
}
