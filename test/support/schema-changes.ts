import {
  BreakingChangeType,
  DangerousChangeType,
  findSchemaChanges,
  type GraphQLSchema,
  isInputObjectType,
  type SchemaChange,
} from 'graphql'

const refusedTypes: ReadonlySet<SchemaChange['type']> = new Set([
  ...Object.values(BreakingChangeType),
  // These change what an operation means without a change of the operation. All other dangerous changes add something,
  // which a client must expect.
  DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
  DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE,
])

/** What clients of the released schema would notice: a sentence for each change that can break or alter an operation. */
export function findIncompatibleChanges(released: GraphQLSchema, schema: GraphQLSchema): string[] {
  const changes = findSchemaChanges(released, schema).filter(({ type }) => refusedTypes.has(type))
  return [
    ...changes.map(({ type, description }) => `${type}: ${description}`),
    ...findNewOneOfs(released, schema),
  ]
}

/** The library does not compare @oneOf, which forbids inputs that were allowed. */
function findNewOneOfs(released: GraphQLSchema, schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    const before = released.getType(type.name)
    return isInputObjectType(type) && type.isOneOf && isInputObjectType(before) && !before.isOneOf
      ? [`ONE_OF_ADDED: ${type.name} became @oneOf.`]
      : []
  })
}
