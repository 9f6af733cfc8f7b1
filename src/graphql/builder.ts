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

const maxNodes = 100

const typeNames = [
  [idPrefixes.reportRun, 'ReportRun'],
  [idPrefixes.reportSchedule, 'ReportSchedule'],
  [idPrefixes.file, 'ReportFile'],
  [idPrefixes.apiKey, 'ApiKey'],
] as const

/** The one place for what holds in the whole schema: null only where it is said, and nothing without a key. */
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
    // Global ids are the ids themselves: their prefix names the type.
    encodeGlobalID: (_typename, id) => String(id),
    decodeGlobalID: (id) => ({ typename: typeNameOfId(id), id }),
    nodeTypeOptions: { description: 'Anything that can be fetched again by its global id.' },
    idFieldOptions: { description: 'Global id, opaque and stable.' },
    pageInfoTypeOptions: { description: 'Where a page lies in its list.' },
    hasNextPageFieldOptions: { description: 'True when more follow in the order of the list.' },
    hasPreviousPageFieldOptions: {
      description: 'True when there are some before, in the order of the list.',
    },
    startCursorFieldOptions: { description: 'Cursor of the first on the page; null when the page is empty.' },
    endCursorFieldOptions: { description: 'Cursor of the last on the page; null when the page is empty.' },
    firstArgOptions: { description: 'How many from the start, or after `after`.' },
    afterArgOptions: { description: 'Begin behind this cursor; at the start when absent.' },
    lastArgOptions: { description: 'How many from the end, or before `before`.' },
    beforeArgOptions: { description: 'End ahead of this cursor; at the end when absent.' },
    nodeQueryOptions: {
      description: 'Any object by its global id; null when it does not exist or the viewer may not see it.',
      nullable: true,
      args: { id: { description: 'Global id of the object.' } },
    },
    nodesQueryOptions: {
      description: 'Several objects in the order asked; null stands for each that the viewer has not.',
      nullable: { list: false, items: true },
      args: { ids: { description: 'Global ids of the objects, at most 100.' } },
      resolve: (_root, { ids }, _context, _info, resolveNodes) => {
        if (ids.length <= maxNodes) return resolveNodes(ids)
        throw badUserInput(`nodes takes at most ${maxNodes} ids; ${ids.length} were given.`)
      },
    },
  },
})

builder.queryType({ description: 'Reads.', authScopes: { viewer: true } })
builder.mutationType({
  description: 'Writes. Each payload is nullable, so that one failure does not erase its siblings.',
  authScopes: { viewer: true },
})
builder.subscriptionType({ description: 'Pushes, over WebSocket or SSE.', authScopes: { viewer: true } })

export type SchemaTypes = typeof builder.$inferSchemaTypes
export type ArgBuilder = PothosArgBuilder<SchemaTypes>

export function describedEnum<const Value extends string>(
  name: string,
  description: string,
  descriptions: Readonly<Record<Value, string>>,
) {
  const values = Object.entries(descriptions).map(([value, text]) => [value, { description: text }])
  // Its keys are the values, which Object.fromEntries does not say.
  return builder.enumType(name, {
    description,
    values: Object.fromEntries(values) as Record<Value, { description: string }>,
  })
}

/**
 * The GraphQL type that an id's prefix names. All else is taken for the name of a report type, also an id that is not
 * well formed: it exists nowhere, and Postgres could not read some of them.
 */
function typeNameOfId(id: string): string {
  return typeNames.find(([prefix]) => isId(id, prefix))?.[1] ?? 'ReportType'
}
