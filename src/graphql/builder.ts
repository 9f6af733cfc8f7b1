import SchemaBuilder, { type ArgBuilder as PothosArgBuilder } from '@pothos/core'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import type { Temporal } from 'temporal-polyfill'
import { idPrefixes, isId } from '../ids.ts'
import type PrismaTypes from '../postgres/generated/pothos.ts'
import { getDatamodel } from '../postgres/generated/pothos.ts'
import { type Context, missingKey } from './context.ts'
import { badUserInput } from './errors.ts'
import { loadNode } from './nodes.ts'
import { costExtension, costPerEntryExtension } from './plugins/document-cost.ts'

const maxNodes = 100

/** An object by its ID is loaded as a whole. */
const costOfNode = 10

const typeNames = [
  [idPrefixes.reportRun, 'ReportRun'],
  [idPrefixes.reportSchedule, 'ReportSchedule'],
  [idPrefixes.file, 'ReportFile'],
  [idPrefixes.apiKey, 'ApiKey'],
] as const

/** The types of objects with a global ID that are rows of the database. */
export const rowTypeNames = typeNames.map(([, name]) => name)

/** The rules of the whole schema: a field is nullable only where it is declared so, and every request needs an API key. */
export const builder = new SchemaBuilder<{
  Context: Context
  PrismaTypes: PrismaTypes
  AuthScopes: { viewer: boolean }
  DefaultFieldNullability: false
  DefaultInputFieldRequiredness: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    Duration: { Input: Temporal.Duration; Output: Temporal.Duration }
    Currency: { Input: string; Output: string }
    TimeZone: { Input: string; Output: string }
    URL: { Input: string; Output: string }
    EventCursor: { Input: string; Output: string }
    BigInt: { Input: bigint; Output: bigint }
    JSONObject: { Input: Record<string, unknown>; Output: Record<string, unknown> }
  }
}>({
  plugins: [RelayPlugin, ScopeAuthPlugin, PrismaPlugin],
  defaultFieldNullability: false,
  prisma: { client: ({ prisma }) => prisma, dmmf: getDatamodel(), onUnusedQuery: 'error' },
  scopeAuth: {
    authScopes: ({ viewer }) => ({ viewer: viewer !== null }),
    authorizeOnSubscribe: true,
    unauthorizedError: missingKey,
  },
  relay: {
    cursorType: 'String',
    clientMutationId: 'omit',
    mutationInputArgOptions: { description: 'The input of the mutation.' },
    // A global ID is the ID itself; its prefix names the type.
    encodeGlobalID: (_typename, id) => String(id),
    decodeGlobalID: (id) => ({ typename: typeNameOfId(id), id }),
    nodeTypeOptions: { description: 'An object with a global ID.' },
    idFieldOptions: { description: 'The global ID of the object, which is opaque and never changes.' },
    firstArgOptions: {
      description: 'Return at most this many items, from the start of the list or after `after`.',
    },
    afterArgOptions: { description: 'Return items after this cursor.' },
    lastArgOptions: {
      description: 'Return at most this many items, from the end of the list or before `before`.',
    },
    beforeArgOptions: { description: 'Return items before this cursor.' },
    nodeQueryOptions: {
      description: 'An object by its global ID. Null when it does not exist or is not visible to the viewer.',
      nullable: true,
      args: { id: { description: 'The global ID of the object.' } },
      extensions: { [costExtension]: costOfNode },
      resolve: (_root, { id }, context) => loadNode(context, id),
    },
    nodesQueryOptions: {
      description:
        'Objects by their global IDs, in the same order. Null for each ID that does not exist or is not visible to the viewer.',
      nullable: { list: false, items: true },
      args: { ids: { description: 'The global IDs of the objects, at most 100.' } },
      extensions: { [costPerEntryExtension]: costOfNode },
      resolve: (_root, { ids }, context) => {
        if (ids.length <= maxNodes) return Promise.all(ids.map((id) => loadNode(context, id)))
        throw badUserInput(`nodes accepts at most ${maxNodes} ids; ${ids.length} were given.`, 'ids')
      },
    },
  },
})

builder.queryType({ description: 'The root of all queries.', authScopes: { viewer: true } })
builder.mutationType({
  description:
    'The root of all mutations. A payload is null when its mutation fails with a top-level error; the other mutations of the operation keep their payloads.',
  authScopes: { viewer: true },
})
builder.subscriptionType({
  description: 'The root of all subscriptions, which are sent over WebSocket or SSE.',
  authScopes: { viewer: true },
})

export type SchemaTypes = typeof builder.$inferSchemaTypes
export type ArgBuilder = PothosArgBuilder<SchemaTypes>
export type InputBuilder = PothosSchemaTypes.InputFieldBuilder<SchemaTypes, 'InputObject'>
export type FieldBuilder<Shape> = PothosSchemaTypes.ObjectFieldBuilder<SchemaTypes, Shape>

/** Adds an enum whose values are the keys of `descriptions`. */
export function describedEnum<const Value extends string>(
  name: string,
  description: string,
  descriptions: Readonly<Record<Value, string>>,
) {
  const values = Object.entries(descriptions).map(([value, text]) => [value, { description: text }])
  // The keys are the values, which the type of Object.fromEntries does not express.
  return builder.enumType(name, {
    description,
    values: Object.fromEntries(values) as Record<Value, { description: string }>,
  })
}

/**
 * The GraphQL type that the prefix of an ID names. Any other text is looked up as the name of a report type, including
 * malformed IDs: none of them exists, and Postgres cannot read some of them.
 */
function typeNameOfId(id: string): string {
  return typeNames.find(([prefix]) => isId(id, prefix))?.[1] ?? 'ReportType'
}
