import {
  defaultFieldResolver,
  type GraphQLSchema,
  isObjectType,
  lexicographicSortSchema,
  printSchema,
} from 'graphql'
import { builder, rowTypeNames } from './builder.ts'
import './scalars.ts'
// Each module adds its types and, by its imports, the types that they refer to.
import './schema/runs/create-report-run.ts'
import './schema/runs/report-run-estimate.ts'
import './schema/runs/report-run-mutations.ts'
import './schema/events/event-log.ts'
import './schema/reports/report-type-list.ts'
import './schema/schedules/report-schedule-mutations.ts'

/** The GraphQL schema. Building it opens no connection. */
export const schema: GraphQLSchema = withIdsOfRows(builder.toSchema())

/** The schema as SDL: the content of `schema.graphql`. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`
}

/**
 * Reads the IDs of rows from the rows. Pothos makes a promise for each global ID, although the gateway's are the IDs of the
 * rows; without them, a list is executed in three quarters of the time.
 */
function withIdsOfRows(built: GraphQLSchema): GraphQLSchema {
  for (const name of rowTypeNames) {
    const type = built.getType(name)
    const field = isObjectType(type) ? type.getFields().id : undefined
    if (field) field.resolve = defaultFieldResolver
  }
  return built
}
