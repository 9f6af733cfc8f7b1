import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { builder } from './builder.ts'
import './scalars.ts'
import './schema/user-errors.ts'
import './schema/runs/create-report-run.ts'
import './schema/runs/report-run-details.ts'
import './schema/runs/report-run-estimate.ts'
import './schema/runs/report-run-list.ts'
import './schema/runs/report-run-mutations.ts'
import './schema/runs/report-run.ts'
import './schema/events/event-log.ts'
import './schema/events/report-run-event.ts'
import './schema/reports/report-input.ts'
import './schema/reports/report-type.ts'
import './schema/schedules/report-schedule-mutations.ts'
import './schema/schedules/report-schedule.ts'
import './schema/files/report-file.ts'
import './schema/files/report-result.ts'
import './schema/viewer/viewer.ts'

/** The GraphQL schema. Making it opens nothing. */
export const schema: GraphQLSchema = builder.toSchema()

/** The schema as text, as it stands in `schema.graphql`. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}
