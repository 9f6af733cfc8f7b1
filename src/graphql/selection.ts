import type { FragmentDefinitionNode, GraphQLResolveInfo, SelectionSetNode } from 'graphql'

/** True when a field of the resolved object may be asked for; whether a directive leaves it out is not looked at. */
export function isSelected({ fieldNodes, fragments }: GraphQLResolveInfo, name: string): boolean {
  return fieldNodes.some(({ selectionSet }) => selects(selectionSet, name, fragments))
}

function selects(
  selections: SelectionSetNode | undefined,
  name: string,
  fragments: Readonly<Record<string, FragmentDefinitionNode>>,
): boolean {
  return (
    selections?.selections.some((selection) => {
      switch (selection.kind) {
        case 'Field':
          return selection.name.value === name
        case 'InlineFragment':
          return selects(selection.selectionSet, name, fragments)
        default:
          return selects(fragments[selection.name.value]?.selectionSet, name, fragments)
      }
    }) ?? false
  )
}
