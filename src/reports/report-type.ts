import type { Pool } from 'pg'
import type { z } from 'zod'
import type { InputError } from '../errors.ts'
import type { Prisma } from '../postgres/client.ts'
import type { Tenant } from '../tenant.ts'
import type { ReportColumn } from './column.ts'
import type { ParameterSet } from './parameters.ts'
import type { Sql } from './sql.ts'

/** The span of time that a type has complete data for. Both ends may be used in an interval. */
export type Availability = { from: Date; until: Date }

/** Parameters after validation: defaults filled in, instants as RFC 3339 text in UTC. */
export type Accepted<P extends ParameterSet> = { [Name in keyof P]: z.output<P[Name]['schema']> }

/** Where a report's rows come from and in which order; columns are expressions over `from`. */
export type ReportSource = {
  /** What follows the word `from`, with joins and conditions. */
  from: Sql
  /**
   * What follows `order by`; it has to be a total order, so that two runs write the same bytes. Sort text by `collate "C"`.
   * Null when `from` is one subquery whose own order is to be kept.
   */
  orderBy: Sql | null
}

/** What a custom report, one that the operator wrote, may take. */
export type CustomLimits = {
  /** Most rows of its result; what is more is left out, and the result is partial. */
  rows: number
  /** Most seconds for each of its statements: one counts the rows, one writes them. */
  seconds: number
}

/**
 * A kind of report. The catalogue, the GraphQL input, the JSON Schema, the validation and the file all come from
 * this one value.
 */
export type ReportType<P extends ParameterSet = ParameterSet> = {
  /** Stable name with its version, for example `balance.summary.1`. */
  name: string
  title: string
  /** What the report is for, in sentences. */
  description: string
  parameters: P
  /** All columns, in their natural order; those with `isDefault` are written when none are chosen. */
  columns: readonly ReportColumn[]
  /** Name of the type that has all of this one's columns and more; absent or null when this one is current. */
  replacedBy?: string | null
  /** True when a test key is refused. */
  requiresLiveMode: boolean
  /** What can be asked for now; null when there is no data at all. */
  availability(prisma: Prisma, scope: Tenant): Promise<Availability | null>
  /** Looks up what parameters name, once each is fine by itself; gives what is wrong, with paths that start with a parameter. */
  check?(prisma: Prisma, scope: Tenant, parameters: Accepted<P>): Promise<readonly InputError[]>
  source(scope: Tenant, parameters: Accepted<P>): ReportSource
  /** Set for a custom report: its SQL runs with the login for such reports, and within these limits. */
  custom?: CustomLimits
}

/** A type whose parameters are only known at run time, as the catalogue and the worker hold it. */
export type AnyReportType = ReportType

export type AcceptedParameters = Readonly<Accepted<ParameterSet>>

/** Connections for the queries of reports. */
export type ReportPools = {
  /** For built-in reports. */
  exportPool: Pool
  /** For custom reports, with the rights that those have; null when there are none. */
  customPool: Pool | null
}

/**
 * Checks a type as written, and forgets the exact types of its parameters: only those that `type.parameters` has accepted
 * are ever passed to it.
 */
export function defineReportType<P extends ParameterSet>(type: ReportType<P>): AnyReportType {
  return type
}

/** Where a report's SQL may run, were it only to be explained: what is not ours has no rights of ours. */
export function poolOf({ exportPool, customPool }: ReportPools, { name, custom }: AnyReportType): Pool {
  if (!custom) return exportPool
  if (!customPool) throw new Error(`This process has no login for the report type ${name}.`)
  return customPool
}
