import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { builder } from './builder.ts'
import './scalars.ts'
// Each adds its part, and with it what it refers to.
import './schema/runs/create-report-run.ts'
import './schema/runs/report-run-estimate.ts'
import './schema/runs/report-run-mutations.ts'
import './schema/events/event-log.ts'
import './schema/reports/report-type-list.ts'
import './schema/schedules/report-schedule-mutations.ts'

/** The GraphQL schema. Making it opens nothing. */
export const schema: GraphQLSchema = builder.toSchema()

/** The schema as text, as it stands in `schema.graphql`. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}
