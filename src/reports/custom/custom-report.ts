import type { Tenant } from '../../tenant.ts'
import type { ReportColumn } from '../column.ts'
import type { AcceptedParameters, AnyReportType, Availability, CustomLimits } from '../report-type.ts'
import { joinSql, type Sql, sql } from '../sql.ts'
import { postgresZone } from '../timezone.ts'
import type { Header } from './header.ts'
import { parametersOf } from './parameters.ts'
import type { LineOf } from './problem.ts'
import { bindStatement, type Statement } from './statement.ts'
import { valueTypes } from './value-type.ts'

/** A report that the operator wrote, as its file has it. */
export type CustomReport = { header: Header; lineOf: LineOf; statement: Statement }

/** Its SQL alone knows what data there is, so any interval may be asked for. */
const always: Availability = {
  from: new Date('0001-01-01T00:00:00Z'),
  until: new Date('9999-12-31T23:59:59Z'),
}

/** Postgres's type of a parameter of the statement. */
export function sqlTypeOf({ parameters }: Header, name: string): Sql {
  if (name === 'livemode') return sql`boolean`
  const declared = parameters[name]
  if (!declared) return sql`text`
  const { sqlType } = valueTypes[declared.type]
  return declared.list ? sql`${sqlType}[]` : sqlType
}

/** The report type that a file describes. */
export function defineCustomReport(
  { header, statement }: Omit<CustomReport, 'lineOf'>,
  limits: CustomLimits,
): AnyReportType {
  return {
    name: header.id,
    inputKey: null,
    title: header.title,
    description: header.description,
    parameters: parametersOf(header, new Set(statement.parameters.map(({ name }) => name))),
    columns: columnsOf(header),
    requiresLiveMode: header.live_only,
    availability: async () => always,
    source: (scope, parameters) => ({
      from: bindStatement(statement, (name) =>
        bound(sqlTypeOf(header, name), givenFor(name, scope, parameters)),
      ),
      orderBy: null,
    }),
    custom: {
      rows: Math.min(header.max_rows ?? limits.rows, limits.rows),
      seconds: Math.min(header.max_seconds ?? limits.seconds, limits.seconds),
    },
  }
}

/** What stands in the statement for one of its parameters: a value with a cast, or null when there is none. */
function bound(type: Sql, value: AcceptedParameters[string] | boolean): Sql {
  if (value === undefined) return sql`cast(null as ${type})`
  if (!Array.isArray(value)) return sql`cast(${value} as ${type})`
  return value.length === 0 ? sql`cast('{}' as ${type})` : sql`cast(array[${joinSql(value)}] as ${type})`
}

function givenFor(
  name: string,
  { accountId, livemode }: Tenant,
  parameters: AcceptedParameters,
): AcceptedParameters[string] | boolean {
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
    // The name was checked: letters, digits and underscores.
    value: valueTypes[type].column(sql([`line."${name}"`])),
  }))
}
