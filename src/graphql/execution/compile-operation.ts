import { collectFields } from '@graphql-tools/utils'
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql'
import type { CompiledField, Selection, VariableValues } from './compiled-field.ts'
import { completerOf } from './complete-value.ts'

export type Fragments = Record<string, FragmentDefinitionNode>

export type CompiledOperation = ReturnType<typeof compileOperation>

/**
 * Prepares an operation for many executions. The executor of Yoga finds out for each object of a list which fields are
 * selected, what their definitions and arguments are, and how their values are completed; here, this is found out once.
 *
 * A part of an operation is compiled when it is first executed, so that the first execution takes no longer than others.
 */
export function compileOperation(
  schema: GraphQLSchema,
  fragments: Fragments,
  operation: OperationDefinitionNode,
) {
  let fieldCount = 0

  const compileField = (
    parentType: GraphQLObjectType,
    key: string,
    nodes: FieldNode[],
  ): CompiledField | null => {
    const [node] = nodes
    const definition = node && schema.getField(parentType, node.name.value)
    if (!definition) return null
    const selectionSet: SelectionSetNode = {
      kind: Kind.SELECTION_SET,
      selections: nodes.flatMap((one) => one.selectionSet?.selections ?? []),
    }
    const complete = completerOf(definition.type, {
      schema,
      nodes,
      select: (type, variableValues) => select(type, selectionSet, variableValues),
    })
    return { key, index: fieldCount++, definition, node, nodes, parentType, complete }
  }

  const select = (
    type: GraphQLObjectType,
    selectionSet: SelectionSetNode,
    variableValues: VariableValues,
  ): Selection => {
    const { fields } = collectFields(schema, fragments, variableValues, type, selectionSet)
    const compiled = [...fields].map(([key, nodes]) => compileField(type, key, nodes))
    return { fields: compiled.filter((field) => field !== null), isPlain: !fields.has('__proto__') }
  }

  const conditions = findConditions(operation, fragments)
  const selections = new Map<string, Selection>()
  return {
    /** The number of fields and selections that are compiled, which determines the memory that they take. */
    size: (): number => fieldCount + selections.size,
    /** The fields of the operation itself. The variables in `@skip` and `@include` determine the selected fields. */
    select: (type: GraphQLObjectType, variableValues: VariableValues): Selection => {
      const key = JSON.stringify(conditions.map((name) => variableValues.coerced[name]))
      const known = selections.get(key)
      if (known) return known
      const selection = select(type, operation.selectionSet, variableValues)
      selections.set(key, selection)
      return selection
    },
  }
}

/** The names of the variables in directives. */
function findConditions(operation: OperationDefinitionNode, fragments: Fragments): string[] {
  const names = new Set<string>()
  for (const node of [operation, ...Object.values(fragments)]) {
    visit(node, {
      Directive: ({ arguments: given = [] }) => {
        for (const { value } of given) if (value.kind === Kind.VARIABLE) names.add(value.name.value)
      },
    })
  }
  return [...names]
}
