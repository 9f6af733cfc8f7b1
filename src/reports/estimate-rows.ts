import { type ClientBase, DatabaseError } from 'pg'
import { z } from 'zod'
import type { Tenant } from '../tenant.ts'
import { rowsText } from './render.ts'
import { type AcceptedParameters, type AnyReportType, poolOf, type ReportPools } from './report-type.ts'

/** The expected number of rows of a report. */
export type RowEstimate = {
  rows: bigint
  /** True when the number comes from the query planner instead of a count. */
  isGuess: boolean
  /** True when the row limit of the type leaves out further rows. */
  isPartial: boolean
}

export type EstimateRows = ReturnType<typeof createRowEstimator>

type Connection = Pick<ClientBase, 'query'>

const queryCanceled = '57014'

// In the planner's units: about half a second. Queries above it are not counted.
const maxCost = 50_000

const plan = z.object({ 'Plan Rows': z.number(), 'Total Cost': z.number() })
const explanation = z.tuple([z.object({ 'QUERY PLAN': z.tuple([z.object({ Plan: plan })]) })])

/**
 * Counts the rows of a report if that is cheap, and otherwise uses the planner's estimate, which reads only statistics.
 *
 * @param pools read-only connections with a statement timeout
 * @throws when no connection becomes free in time, or the report's SQL fails
 */
export function createRowEstimator(pools: ReportPools) {
  return async (type: AnyReportType, scope: Tenant, parameters: AcceptedParameters): Promise<RowEstimate> => {
    const pool = poolOf(pools, type)
    const rows = rowsText(type, scope, parameters)
    const planned = await planRows(pool, rows)
    const guess = toEstimate(type, planned.rows, true)
    if (planned.cost > maxCost) return guess
    try {
      return toEstimate(type, await countRows(pool, rows), false)
    } catch (error) {
      // The planner underestimated the cost.
      if (error instanceof DatabaseError && error.code === queryCanceled) return guess
      throw error
    }
  }
}

/**
 * The planner's estimate of the number of rows of a query, and of its cost in the planner's units. It reads only statistics,
 * and can be wrong by any factor.
 */
export async function planRows(connection: Connection, query: string) {
  const explained = await connection.query(`explain (format json) ${query}`)
  const { Plan } = explanation.parse(explained.rows)[0]['QUERY PLAN'][0]
  return { rows: Math.round(Plan['Plan Rows']), cost: Plan['Total Cost'] }
}

/** The exact number of rows of a query. */
export async function countRows(connection: Connection, query: string): Promise<number> {
  const counted = await connection.query<{ rows: string }>(
    `select count(*) as rows from (${query}) as counted`,
  )
  return Number(counted.rows[0]?.rows ?? 0)
}

/** @param found number of rows; for a type with a row limit it can exceed the limit by one */
function toEstimate({ custom }: AnyReportType, found: number, isGuess: boolean): RowEstimate {
  const max = custom?.rows ?? Number.POSITIVE_INFINITY
  return { rows: BigInt(Math.min(found, max)), isGuess, isPartial: found > max }
}
