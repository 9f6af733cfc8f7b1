import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { builder } from './builder.ts'
import './schema/actor.ts'
import './schema/create-report-run.ts'
import './schema/report-file.ts'
import './schema/report-input.ts'
import './schema/report-result.ts'
import './schema/report-rows.ts'
import './schema/report-run.ts'
import './schema/report-run-estimate.ts'
import './schema/report-run-event.ts'
import './schema/report-run-events.ts'
import './schema/report-run-list.ts'
import './schema/report-run-mutations.ts'
import './schema/report-run-parts.ts'
import './schema/report-run-queue.ts'
import './schema/report-schedule.ts'
import './schema/report-schedule-list.ts'
import './schema/report-schedule-mutations.ts'
import './schema/report-type.ts'
import './schema/scalars.ts'
import './schema/user-error.ts'
import './schema/viewer.ts'

/** The GraphQL schema. Making it opens nothing. */
export const schema: GraphQLSchema = builder.toSchema()

/** The schema as text, as it stands in `schema.graphql`. */
export const printedSchema = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`
