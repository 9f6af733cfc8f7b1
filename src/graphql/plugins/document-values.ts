import { type DocumentNode, type FieldNode, type GraphQLField, Kind, type ValueNode } from 'graphql'

/** Values of variables, as the client sent them: not checked yet. */
export type RawVariables = Readonly<Record<string, unknown>> | null | undefined

export type Field = GraphQLField<unknown, unknown>

/** Gives the value of an argument as far as it says how much is asked for; undefined when there is none. */
export type ReadArgument = (node: FieldNode, field: Field, name: string) => unknown

/** Reads arguments of a document that has not been validated, so any value may be of any type. */
export function createArgumentReader(document: DocumentNode, variables: RawVariables): ReadArgument {
  const defaults = readDefaults(document)
  const readVariable = (variable: string): unknown =>
    variables && Object.hasOwn(variables, variable) ? variables[variable] : defaults.get(variable)
  return (node, field, name) => {
    const given = node.arguments?.find((argument) => argument.name.value === name)
    const value = given && readLiteral(given.value, readVariable)
    if (value !== undefined) return value
    const fallback = field.args.find((argument) => argument.name === name)?.default
    return fallback?.literal ? readLiteral(fallback.literal, noVariables) : fallback?.value
  }
}

/** Sizes are all that is asked for: numbers, and lists for their length. Anything else reads as null. */
function readLiteral(node: ValueNode, readVariable: (variable: string) => unknown): unknown {
  if (node.kind === Kind.VARIABLE) return readVariable(node.name.value)
  if (node.kind === Kind.INT) return Number(node.value)
  if (node.kind === Kind.LIST) return node.values
  return null
}

function noVariables(): undefined {
  return undefined
}

/** Defaults of all operations in one: of those that share a name, the larger one. */
function readDefaults({ definitions }: DocumentNode): ReadonlyMap<string, unknown> {
  const defaults = new Map<string, unknown>()
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue
    for (const { variable, defaultValue } of definition.variableDefinitions ?? []) {
      if (!defaultValue) continue
      const name = variable.name.value
      const known = defaults.get(name)
      const value = readLiteral(defaultValue, noVariables)
      if (!(typeof known === 'number' && typeof value === 'number' && known > value))
        defaults.set(name, value)
    }
  }
  return defaults
}
