import { DatabaseError } from 'pg'
import { z } from 'zod'
import type { Tenant } from '../tenant.ts'
import { countText, rowsText } from './render.ts'
import { type AcceptedParameters, type AnyReportType, poolOf, type ReportPools } from './report-type.ts'

/** How many rows a report would have. */
export type RowEstimate = {
  rows: bigint
  /** True when Postgres guessed them, and they were not counted. */
  isGuess: boolean
  /** True when there are more, which the limit of the type leaves out. */
  isPartial: boolean
}

export type EstimateRows = ReturnType<typeof createRowEstimator>

const queryCanceled = '57014'

// In the planner's units: about half a second. What seems to cost more is not counted.
const maxCost = 50_000

const plan = z.object({ 'Plan Rows': z.number(), 'Total Cost': z.number() })
const explanation = z.tuple([z.object({ 'QUERY PLAN': z.tuple([z.object({ Plan: plan })]) })])

/**
 * Counts the rows of reports where that is cheap, and otherwise asks the planner, which reads nothing but its statistics.
 *
 * @param pools connections that change nothing, with a limit for the time of a statement
 * @throws when there is no connection in time, or the report's SQL cannot be run
 */
export function createRowEstimator(pools: ReportPools) {
  return async (type: AnyReportType, scope: Tenant, parameters: AcceptedParameters): Promise<RowEstimate> => {
    const pool = poolOf(pools, type)
    const rows = rowsText(type, scope, parameters)
    const explained = await pool.query(`explain (format json) ${rows}`)
    const { Plan } = explanation.parse(explained.rows)[0]['QUERY PLAN'][0]
    const guess = within(type, Math.round(Plan['Plan Rows']), true)
    if (Plan['Total Cost'] > maxCost) return guess
    try {
      const counted = await pool.query<{ rows: string }>(countText(rows))
      return within(type, Number(counted.rows[0]?.rows ?? 0), false)
    } catch (error) {
      // The planner was wrong about the cost.
      if (error instanceof DatabaseError && error.code === queryCanceled) return guess
      throw error
    }
  }
}

/** @param there the rows that there are, of which a limited type may be asked for one too many */
function within({ custom }: AnyReportType, there: number, isGuess: boolean): RowEstimate {
  const max = custom?.rows ?? Number.POSITIVE_INFINITY
  return { rows: BigInt(Math.min(there, max)), isGuess, isPartial: there > max }
}
