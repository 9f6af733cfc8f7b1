import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { builder } from './builder.ts'
import './scalars.ts'
// Each module adds its types and, by its imports, the types that they refer to.
import './schema/runs/create-report-run.ts'
import './schema/runs/report-run-estimate.ts'
import './schema/runs/report-run-mutations.ts'
import './schema/events/event-log.ts'
import './schema/reports/report-type-list.ts'
import './schema/schedules/report-schedule-mutations.ts'

/** The GraphQL schema. Building it opens no connection. */
export const schema: GraphQLSchema = builder.toSchema()

/** The schema as SDL: the content of `schema.graphql`. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}
