import { Temporal } from 'temporal-polyfill'
import { InputError, InputErrors } from '../errors.ts'
import { chooseColumn } from './column.ts'
import { preview } from './parameters.ts'
import type { AcceptedParameters, AnyReportType, Availability } from './report-type.ts'

/** More would not help, and each may list all that is allowed. */
const maxErrors = 50

/**
 * Checks parameters against a report type and fills in defaults, the type's default columns included. What it
 * returns is accepted again as it is.
 *
 * @param availability what the type has data for; null when there is none
 * @param mayBeToCome true when the interval may end after the data that is there
 * @throws InputErrors with every mistake that was found, or the first fifty
 */
export function checkParameters(
  type: AnyReportType,
  given: Readonly<Record<string, unknown>>,
  availability: Availability | null,
  mayBeToCome = false,
): AcceptedParameters {
  const errors = unknownParameters(type, given)
  const accepted: Record<string, string | readonly string[]> = {}
  for (const [name, { schema, description, allowedValues }] of Object.entries(type.parameters)) {
    const value = given[name] ?? undefined
    const { data, error } = schema.safeParse(value)
    if (data !== undefined) accepted[name] = data
    for (const { message, path } of error?.issues.slice(0, 1) ?? []) {
      const missing = `${type.name} needs the parameter "${name}": ${description}`
      const what = value === undefined ? missing : message
      errors.push(new InputError(what, [name, ...path.map(String)], allowedValues))
    }
  }
  const chosen = accepted.columns
  if (Array.isArray(chosen)) errors.push(...checkColumns(type, chosen))
  errors.push(...checkInterval(type, accepted, availability, mayBeToCome))
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
      const message = `${type.name} takes no parameter ${preview(name)}. It takes ${names.join(', ')}.`
      return new InputError(message, [name], names)
    })
}

function checkColumns(type: AnyReportType, chosen: readonly string[]): InputError[] {
  const names = type.columns.map(({ name }) => name)
  return chosen.flatMap((name, i) => {
    const path = ['columns', String(i)]
    if (!chooseColumn(type.columns, name)) {
      const hint = names.includes(`${name}[key]`) ? ` Name the key, for example "${name}[order_id]".` : ''
      return [new InputError(`${type.name} has no column ${preview(name)}.${hint}`, path, names)]
    }
    return chosen.indexOf(name) < i
      ? [new InputError(`The column ${preview(name)} is named twice.`, path)]
      : []
  })
}

function checkInterval(
  type: AnyReportType,
  { interval_start: start, interval_end: end }: AcceptedParameters,
  availability: Availability | null,
  mayBeToCome: boolean,
): InputError[] {
  if (typeof end !== 'string') return []
  if (!availability && !mayBeToCome) {
    return [new InputError(`There is no data for ${type.name} yet.`, ['interval_end'])]
  }
  const errors = Object.entries({ interval_start: start, interval_end: end }).flatMap(([name, value]) =>
    availability && typeof value === 'string'
      ? checkCovered(type, name, value, availability, mayBeToCome)
      : [],
  )
  if (typeof start === 'string' && Temporal.Instant.compare(start, end) >= 0) {
    const what = start === end ? 'is empty' : 'is reversed'
    const message = `The interval ${what}: it starts at ${start} and ends before ${end}. The end is exclusive and has to be later.`
    errors.push(new InputError(message, ['interval_end']))
  }
  return errors
}

/** What is wrong with an end of the interval, which has to be within the data; after it, too, when that may be to come. */
function checkCovered(
  type: AnyReportType,
  name: string,
  value: string,
  availability: Availability,
  mayBeToCome: boolean,
): InputError[] {
  const from = Temporal.Instant.fromEpochMilliseconds(availability.from.getTime())
  const until = Temporal.Instant.fromEpochMilliseconds(availability.until.getTime())
  const isLate = !mayBeToCome && Temporal.Instant.compare(value, until) > 0
  if (Temporal.Instant.compare(value, from) >= 0 && !isLate) return []
  const message = `Data for ${type.name} is there from ${from} until ${until}; ${name} is ${value}.`
  return [new InputError(message, [name], [from.toString(), ...(mayBeToCome ? [] : [until.toString()])])]
}
