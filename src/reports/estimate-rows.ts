import { DatabaseError, type Pool } from 'pg'
import { z } from 'zod'
import type { AcceptedParameters, AnyReportType, ReportScope } from './report-type.ts'
import { literalText, sql } from './sql.ts'

/** How many rows a report would have: counted, or guessed by Postgres. */
export type RowEstimate = { rows: bigint; isGuess: boolean }

export type EstimateRows = (
  type: AnyReportType,
  scope: ReportScope,
  parameters: AcceptedParameters,
) => Promise<RowEstimate>

const queryCanceled = '57014'

// In the planner's units: about half a second. What seems dearer is not counted.
const dearest = 50_000

const plans = z.tuple([
  z.object({
    'QUERY PLAN': z.tuple([
      z.object({ Plan: z.object({ 'Plan Rows': z.number(), 'Total Cost': z.number() }) }),
    ]),
  }),
])

/**
 * Counts the rows of reports where that is cheap, and otherwise asks the planner, which reads nothing but its statistics.
 *
 * @param pool connections that change nothing, with a limit for the time of a statement
 * @throws when there is no connection in time, or the report's SQL cannot be run
 */
export const createRowEstimator =
  (pool: Pool): EstimateRows =>
  async (type, scope, parameters) => {
    const { from } = type.source(scope, parameters)
    const explained = await pool.query(literalText(sql`explain (format json) select from ${from}`))
    const [
      {
        'QUERY PLAN': [{ Plan: plan }],
      },
    ] = plans.parse(explained.rows)
    const guess = { rows: BigInt(Math.round(plan['Plan Rows'])), isGuess: true }
    if (plan['Total Cost'] > dearest) return guess
    try {
      const counted = await pool.query<{ rows: string }>(
        literalText(sql`select count(*) as rows from ${from}`),
      )
      return { rows: BigInt(counted.rows[0]?.rows ?? 0), isGuess: false }
    } catch (error) {
      // The planner was wrong about the cost.
      if (error instanceof DatabaseError && error.code === queryCanceled) return guess
      throw error
    }
  }
