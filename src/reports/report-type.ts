import type { Pool } from 'pg'
import type { z } from 'zod'
import type { InputError } from '../errors.ts'
import type { Prisma } from '../postgres/client.ts'
import type { Tenant } from '../tenant.ts'
import type { ReportColumn } from './column.ts'
import type { ParameterSet } from './parameters.ts'
import type { Sql } from './sql.ts'

/** The span of time for which a type has complete data. An interval can start at `from` and end at `until`. */
export type Availability = { from: Date; until: Date }

/** Parameters after validation: defaults filled in, instants as RFC 3339 text in UTC. */
export type Accepted<P extends ParameterSet> = { [Name in keyof P]: z.output<P[Name]['schema']> }

/** The source of a report's rows and their order; columns are expressions over `from`. */
export type ReportSource = {
  /** The SQL after the word `from`, with joins and conditions. */
  from: Sql
  /**
   * The SQL after `order by`. It must be a total order, so that two runs write the same bytes. Sort text with `collate "C"`.
   * Null when `from` is one subquery that has its own order.
   */
  orderBy: Sql | null
}

/** The limits of a custom report, which the operator wrote. */
export type CustomLimits = {
  /** Maximum number of rows of the result; further rows are left out, and the result is partial. */
  rows: number
  /** Maximum duration of each of its statements, in seconds: one counts the rows, one writes them. */
  seconds: number
}

/**
 * A kind of report. The catalog, the GraphQL input, the JSON Schema, the validation and the files are all derived from this
 * one value.
 */
export type ReportType<P extends ParameterSet = ParameterSet> = {
  /** Stable name with its version, for example `balance.summary.1`. */
  name: string
  title: string
  /** What the report is for, in sentences. */
  description: string
  parameters: P
  /** All columns, in their default order; those with `isDefault` are written when none are selected. */
  columns: readonly ReportColumn[]
  /** Name of the newer type that has all columns of this one and more; absent or null when this one is current. */
  replacedBy?: string | null
  /** True when the type rejects test keys. */
  requiresLiveMode: boolean
  /** The span that can be requested now; null when there is no data. */
  availability(prisma: Prisma, scope: Tenant): Promise<Availability | null>
  /**
   * Checks, after each parameter is valid by itself, that the objects they name exist. Returns errors whose paths start with a
   * parameter.
   */
  check?(prisma: Prisma, scope: Tenant, parameters: Accepted<P>): Promise<readonly InputError[]>
  source(scope: Tenant, parameters: Accepted<P>): ReportSource
  /** Set for a custom report: its SQL runs with the login for such reports, and within these limits. */
  custom?: CustomLimits
}

/** A type whose parameters are known only at run time, as in the catalog and the worker. */
export type AnyReportType = ReportType

export type AcceptedParameters = Readonly<Accepted<ParameterSet>>

/** Connections for the queries of reports. */
export type ReportPools = {
  /** For built-in reports. */
  exportPool: Pool
  /** For custom reports, with their restricted login; null when there are none. */
  customPool: Pool | null
}

/**
 * Type-checks a report type and drops the exact types of its parameters. This is safe, because a report type receives only
 * parameters that its `parameters` have validated.
 */
export function defineReportType<P extends ParameterSet>(type: ReportType<P>): AnyReportType {
  return type
}

/** The pool for all SQL of a report, also for `explain`. Custom SQL must never run with the rights of the gateway. */
export function poolOf({ exportPool, customPool }: ReportPools, { name, custom }: AnyReportType): Pool {
  if (!custom) return exportPool
  if (!customPool) throw new Error(`This process has no login for the report type ${name}.`)
  return customPool
}
