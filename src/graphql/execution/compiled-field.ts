import type {
  FieldNode,
  FragmentDefinitionNode,
  GraphQLError,
  GraphQLField,
  GraphQLObjectType,
  GraphQLResolveInfo,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql'

export type VariableValues = GraphQLResolveInfo['variableValues']

/** The position of a value in the response, as resolvers receive it. */
export type Path = GraphQLResolveInfo['path']

/** One execution of an operation. */
export type Execution = {
  schema: GraphQLSchema
  operation: OperationDefinitionNode
  fragments: Readonly<Record<string, FragmentDefinitionNode>>
  contextValue: unknown
  variableValues: VariableValues
  /** The errors so far, in the order in which they occur. */
  errors: GraphQLError[]
  /** The arguments of the fields so far, by the number of the field: they are the same for each object of a list. */
  args: Record<string, unknown>[]
}

/**
 * Turns the value of a resolver into its part of the response, or into a promise of it.
 *
 * @throws any error that makes the field null
 */
export type Complete = (execution: Execution, info: GraphQLResolveInfo, path: Path, value: unknown) => unknown

/** A field of a selection, with everything about it that is the same in each execution and for each object. */
export type CompiledField = {
  /** The key in the response. */
  key: string
  /** Distinguishes the field from the others of the operation. */
  index: number
  definition: GraphQLField<unknown, unknown>
  node: FieldNode
  /** All nodes with this key. */
  nodes: FieldNode[]
  parentType: GraphQLObjectType
  complete: Complete
}

/** The fields that are selected of objects of one type. */
export type Selection = {
  fields: readonly CompiledField[]
  /** True when a result can be an object with a prototype, which `JSON.stringify` reads in half the time. */
  isPlain: boolean
}
