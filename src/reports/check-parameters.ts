import { Temporal } from 'temporal-polyfill'
import { InputError, InputErrors } from '../errors.ts'
import { chooseColumn } from './column.ts'
import { preview } from './parameters.ts'
import type { AcceptedParameters, AnyReportType, Availability } from './report-type.ts'

/** More errors would not help, and each can carry a long list of allowed values. */
const maxErrors = 50

/** Whether a run waits for data: it does, it does not although `waitForData` is possible, or it cannot. */
export type Waiting = 'YES' | 'OFFERED' | 'NO'

/**
 * Checks parameters against a report type and fills in defaults, including the type's default columns. It accepts its
 * own result unchanged.
 *
 * @param availability the span with data for the type; null when there is no data
 * @param waiting whether the interval can end after the available data, or could if the caller asked for it
 * @throws InputErrors with every mistake, or the first fifty
 */
export function checkParameters(
  type: AnyReportType,
  given: Readonly<Record<string, unknown>>,
  availability: Availability | null,
  waiting: Waiting = 'NO',
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
  errors.push(...checkInterval(type, accepted, availability, waiting))
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
  waiting: Waiting,
): InputError[] {
  if (typeof end !== 'string') return []
  if (!availability && waiting !== 'YES') {
    return [new InputError(`There is no data for ${type.name} yet.`, ['interval_end'])]
  }
  const from = typeof start === 'string' ? start : null
  const errors = availability ? checkCovered(type, { start: from, end }, availability, waiting) : []
  if (from !== null && Temporal.Instant.compare(from, end) >= 0) {
    const fault = from === end ? 'is empty' : 'is reversed'
    const message = `The interval ${fault}: it starts at ${from} and ends at ${end}. The end is exclusive and must be later than the start.`
    errors.push(new InputError(message, ['interval_end']))
  }
  return errors
}

/** Checks that the interval is within the available data, or ends after it when the run waits for data. */
function checkCovered(
  { name }: AnyReportType,
  { start, end }: { start: string | null; end: string },
  availability: Availability,
  waiting: Waiting,
): InputError[] {
  const from = Temporal.Instant.fromEpochMilliseconds(availability.from.getTime())
  const until = Temporal.Instant.fromEpochMilliseconds(availability.until.getTime())
  const { compare } = Temporal.Instant
  const isEarly = (at: string): boolean => compare(at, from) < 0
  const isLate = (at: string): boolean => waiting !== 'YES' && compare(at, until) > 0
  const span = `available from ${from} until ${until}`
  const offer = waiting === 'OFFERED' ? ', or create the run with waitForData: true' : ''
  const isBefore = compare(end, from) <= 0
  const isAfter = start !== null && waiting !== 'YES' && compare(start, until) >= 0
  if (start !== null && compare(start, end) < 0 && (isBefore || isAfter)) {
    const [advice, parameter] = isBefore
      ? ['a later interval', 'interval_start']
      : [`an earlier interval${offer}`, 'interval_end']
    const message = `The interval from ${start} to ${end} is outside the data for ${name}, which is ${span}. Use ${advice}.`
    return [new InputError(message, [parameter])]
  }
  const errors: InputError[] = []
  const reject = (parameter: string, fault: string, advice: string): void => {
    errors.push(
      new InputError(`The interval ${fault}, but data for ${name} is ${span}. Use ${advice}.`, [parameter]),
    )
  }
  if (start !== null && isEarly(start)) reject('interval_start', `starts at ${start}`, 'a later start')
  if (isEarly(end)) reject('interval_end', `ends at ${end}`, 'a later end')
  if (isLate(end)) reject('interval_end', `ends at ${end}`, `an earlier end${offer}`)
  return errors
}
