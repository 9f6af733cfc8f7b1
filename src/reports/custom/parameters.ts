import { z } from 'zod'
import {
  columns,
  decimalSeparator,
  isNo,
  type Parameter,
  type ParameterSet,
  parameter,
  preview,
  timezone,
} from '../parameters.ts'
import type { Header, HeaderParameter } from './header.ts'
import type { LineOf, Problem } from './problem.ts'
import { valueTypes } from './value-type.ts'

const maxValues = 1_000

const endsOfInterval = ['interval_start', 'interval_end']

/** What is wrong with the parameters that a header declares. */
export function checkDeclared({ parameters }: Header, lineOf: LineOf): Problem[] {
  return Object.entries(parameters).flatMap(([name, declared]) =>
    faultsOf(name, declared).map(({ key, message }) => ({
      line: lineOf(['parameters', name, key]),
      message: `"parameters.${name}.${key}": ${message}`,
    })),
  )
}

/** The parameters of a report: those declared, and those that its columns and its SQL call for. */
export function parametersOf(header: Header, used: ReadonlySet<string>): ParameterSet {
  const types = new Set(Object.values(header.columns).map(({ type }) => type))
  const declared = Object.entries(header.parameters).map(([name, one]) => [name, toParameter(one)] as const)
  return {
    ...Object.fromEntries(declared),
    ...(types.has('timestamp') || used.has('timezone') ? timezone : {}),
    ...(types.has('decimal') ? decimalSeparator : {}),
    ...columns,
  }
}

function oneSchema({ type, allowed }: HeaderParameter): z.ZodType<string> {
  return allowed
    ? z.enum(allowed, { error: ({ input }) => `${preview(input)} is not allowed.` })
    : valueTypes[type].schema
}

function toParameter(declared: HeaderParameter): Parameter {
  const { type, description, required, list, allowed, default: value } = declared
  const one = oneSchema(declared)
  const schema = list
    ? z
        .array(one, { error: isNo('list.') })
        .max(maxValues, { error: `The list is too long: at most ${maxValues} values are allowed.` })
    : one
  const whenAbsent = value === undefined ? schema.optional() : one.prefault(String(value))
  return parameter(description, required ? schema : whenAbsent, {
    type: valueTypes[type].type,
    isList: list,
    allowedValues: allowed ?? null,
  })
}

/** What is wrong with how a parameter is declared, and in which of its keys. */
function faultsOf(name: string, declared: HeaderParameter): { key: string; message: string }[] {
  const { type, required, list, allowed, default: value } = declared
  const faults: { key: string; message: string }[] = []
  if (endsOfInterval.includes(name) && (type !== 'timestamp' || list)) {
    const message = 'interval_start and interval_end have to be of type timestamp, and no list.'
    faults.push({ key: type === 'timestamp' ? 'list' : 'type', message })
  }
  if (allowed && type !== 'string')
    faults.push({ key: 'allowed', message: 'Only a string can have "allowed".' })
  if (value === undefined) return faults
  if (required)
    faults.push({ key: 'default', message: 'A parameter that is required has no use for a default.' })
  if (list) faults.push({ key: 'default', message: 'A list has no default; when it is absent it is null.' })
  const { error } = oneSchema(declared).safeParse(String(value))
  return [...faults, ...(error?.issues ?? []).map(({ message }) => ({ key: 'default', message }))]
}
