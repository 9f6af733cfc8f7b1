import { DatabaseError } from 'pg'
import { z } from 'zod'
import type { Tenant } from '../tenant.ts'
import { countText, rowsText } from './render.ts'
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
    const explained = await pool.query(`explain (format json) ${rows}`)
    const { Plan } = explanation.parse(explained.rows)[0]['QUERY PLAN'][0]
    const guess = toEstimate(type, Math.round(Plan['Plan Rows']), true)
    if (Plan['Total Cost'] > maxCost) return guess
    try {
      const counted = await pool.query<{ rows: string }>(countText(rows))
      return toEstimate(type, Number(counted.rows[0]?.rows ?? 0), false)
    } catch (error) {
      // The planner underestimated the cost.
      if (error instanceof DatabaseError && error.code === queryCanceled) return guess
      throw error
    }
  }
}

/** @param found number of rows; for a type with a row limit it can exceed the limit by one */
function toEstimate({ custom }: AnyReportType, found: number, isGuess: boolean): RowEstimate {
  const max = custom?.rows ?? Number.POSITIVE_INFINITY
  return { rows: BigInt(Math.min(found, max)), isGuess, isPartial: found > max }
}
