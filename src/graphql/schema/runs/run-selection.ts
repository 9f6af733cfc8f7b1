import type { FieldNode, GraphQLResolveInfo, SelectionSetNode } from 'graphql'

/** The fields of a run whose resolvers read only `usualColumns`, with the fields of `result` for which this is true. */
const usualFields = new Set([
  '__typename',
  'id',
  'version',
  'reportType',
  'label',
  'tags',
  'livemode',
  'status',
  'isFinal',
  'createdAt',
  'startedAt',
  'finishedAt',
  'queueDuration',
  'runDuration',
  'expiresAt',
  'result',
  'failure',
  'requestedBy',
  'origin',
  'attempt',
  'viewerCanCancel',
  'viewerCanRetry',
  'viewerCanDelete',
])
const usualResultFields = new Set(['__typename', 'isEmpty', 'isPartial', 'rowCount', 'dataAsOf', 'files'])

export type RunSelection = ReturnType<typeof readRunSelection>

/** What a connection of runs must read for its selected fields, also those that a directive skips. */
export function readRunSelection({
  fieldNodes,
  fragments,
}: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>) {
  const fieldsIn = (set: SelectionSetNode | undefined): FieldNode[] =>
    (set?.selections ?? []).flatMap((selection) => {
      if (selection.kind === 'Field') return [selection]
      if (selection.kind === 'InlineFragment') return fieldsIn(selection.selectionSet)
      return fieldsIn(fragments[selection.name.value]?.selectionSet)
    })
  const below = (fields: readonly FieldNode[], name: string): FieldNode[] =>
    fields.flatMap((field) => (field.name.value === name ? fieldsIn(field.selectionSet) : []))
  const page = fieldNodes.flatMap(({ selectionSet }) => fieldsIn(selectionSet))
  const runs = [...below(page, 'nodes'), ...below(below(page, 'edges'), 'node')]
  const results = below(runs, 'result')
  const isIn =
    (names: ReadonlySet<string>) =>
    (field: FieldNode): boolean =>
      names.has(field.name.value)
  return {
    /** Whether the end of the event log is selected. */
    withCursor: page.some(isIn(new Set(['eventCursor']))),
    withFiles: results.some(isIn(new Set(['files', 'rows']))),
    onlyUsual: runs.every(isIn(usualFields)) && results.every(isIn(usualResultFields)),
  }
}
