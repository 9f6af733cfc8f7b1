import { z } from 'zod'
import type { Tenant } from '../../tenant.ts'
import type { ReportColumn } from '../column.ts'
import {
  columns,
  decimalSeparator,
  invalid,
  type Parameter,
  type ParameterSet,
  parameter,
  preview,
  timezone,
} from '../parameters.ts'
import type { AcceptedParameters, AnyReportType, Availability, CustomLimits } from '../report-type.ts'
import { joinSql, type Sql, sql } from '../sql.ts'
import { postgresZone } from '../timezone.ts'
import type { Header, HeaderParameter } from './header.ts'
import type { LineOf, Problem } from './problem.ts'
import { bindStatement, type Statement } from './statement.ts'
import { valueTypes } from './value-type.ts'

/** The content of a report file; `file` is its path as configured, relative to the working directory or absolute. */
export type CustomReport = { file: string; header: Header; lineOf: LineOf; statement: Statement }

/** Creates the report type that a file describes. */
export function defineCustomReport(
  { header, statement }: Pick<CustomReport, 'header' | 'statement'>,
  limits: CustomLimits,
): AnyReportType {
  return {
    name: header.id,
    title: header.title,
    description: header.description,
    parameters: parametersOf(header, new Set(statement.parameters.map(({ name }) => name))),
    columns: columnsOf(header),
    requiresLiveMode: header.live_only,
    availability: async () => always,
    source: (scope, parameters) => ({
      from: bindStatement(statement, (name) =>
        castValue(sqlTypeOf(header, name), parameterValue(name, scope, parameters)),
      ),
      orderBy: null,
    }),
    custom: {
      rows: Math.min(header.max_rows ?? limits.rows, limits.rows),
      seconds: Math.min(header.max_seconds ?? limits.seconds, limits.seconds),
    },
  }
}

/** The Postgres type of a parameter of the statement. */
export function sqlTypeOf({ parameters }: Header, name: string): Sql {
  if (name === 'livemode') return sql`boolean`
  const declared = parameters[name]
  if (!declared) return sql`text`
  const { sqlType } = valueTypes[declared.type]
  return declared.list ? sql`${sqlType}[]` : sqlType
}

/** Checks the parameters that a header declares. */
export function checkDeclared({ parameters }: Header, lineOf: LineOf): Problem[] {
  return Object.entries(parameters).flatMap(([name, declared]) =>
    checkParameter(name, declared).map(({ key, message }) => ({
      line: lineOf(['parameters', name, key]),
      message: `"parameters.${name}.${key}": ${message}`,
    })),
  )
}

/** Only the SQL knows what data exists, so a custom report accepts any interval. */
const always: Availability = {
  from: new Date('0001-01-01T00:00:00Z'),
  until: new Date('9999-12-31T23:59:59Z'),
}

/** The parameters of a report: the declared ones, and the built-in ones that its columns and SQL need. */
function parametersOf(header: Header, used: ReadonlySet<string>): ParameterSet {
  const types = new Set(Object.values(header.columns).map(({ type }) => type))
  const declared = Object.entries(header.parameters).map(([name, one]) => [name, toParameter(one)] as const)
  return {
    ...Object.fromEntries(declared),
    ...(types.has('timestamp') || used.has('timezone') ? timezone : {}),
    ...(types.has('decimal') ? decimalSeparator : {}),
    ...columns,
  }
}

const maxValues = 1_000

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
        .array(one, { error: invalid('list.') })
        .max(maxValues, { error: `The list is too long; at most ${maxValues} values are allowed.` })
    : one
  const whenAbsent = value === undefined ? schema.optional() : one.prefault(String(value))
  return parameter(description, required ? schema : whenAbsent, {
    // toUpperCase returns a plain string type.
    type: type.toUpperCase() as Uppercase<typeof type>,
    isList: list,
    allowedValues: allowed ?? null,
  })
}

/** Checks the declaration of a parameter; returns the key and message of each problem. */
function checkParameter(name: string, declared: HeaderParameter): { key: string; message: string }[] {
  const { type, required, list, allowed, default: value } = declared
  const problems: { key: string; message: string }[] = []
  if (['interval_start', 'interval_end'].includes(name) && (type !== 'timestamp' || list)) {
    const message = 'interval_start and interval_end must be of type timestamp and cannot be lists.'
    problems.push({ key: type === 'timestamp' ? 'list' : 'type', message })
  }
  if (allowed && type !== 'string')
    problems.push({ key: 'allowed', message: 'Only a parameter of type string can have "allowed".' })
  if (value === undefined) return problems
  if (required) problems.push({ key: 'default', message: 'A required parameter cannot have a default.' })
  if (list)
    problems.push({ key: 'default', message: 'A list cannot have a default; an absent list is null in SQL.' })
  const { error } = oneSchema(declared).safeParse(String(value))
  return [...problems, ...(error?.issues ?? []).map(({ message }) => ({ key: 'default', message }))]
}

/** The SQL for one parameter of the statement: a value with a cast, or null when it is absent. */
function castValue(type: Sql, value: AcceptedParameters[string] | boolean): Sql {
  if (value === undefined) return sql`cast(null as ${type})`
  if (!Array.isArray(value)) return sql`cast(${value} as ${type})`
  return value.length === 0 ? sql`cast('{}' as ${type})` : sql`cast(array[${joinSql(value)}] as ${type})`
}

function parameterValue(name: string, { accountId, livemode }: Tenant, parameters: AcceptedParameters) {
  if (name === 'account_id') return accountId
  if (name === 'livemode') return livemode
  const value = parameters[name]
  return name === 'timezone' && typeof value === 'string' ? postgresZone(value) : value
}

function columnsOf({ columns }: Header): ReportColumn[] {
  return Object.entries(columns).map(([name, { type, description, default: isDefault }]) => ({
    name,
    description,
    isDefault,
    // The header schema allows only letters, digits and underscores in names.
    value: valueTypes[type].column(sql([`line."${name}"`])),
  }))
}
