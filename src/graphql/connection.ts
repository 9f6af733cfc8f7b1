import type { ObjectFieldsShape, ObjectRef } from '@pothos/core'
import type { PageInfoShape } from '@pothos/plugin-relay'
import { builder, type SchemaTypes } from './builder.ts'

/** A page of a list, as in the specification of connections by Relay. */
export type Page<Node> = {
  edges: readonly Edge<Node>[]
  pageInfo: PageInfoShape
  /** Counts the whole list; called only when the count is selected. */
  countAll: () => number | Promise<number>
}

type Edge<Node> = { cursor: string; node: Node }

type ConnectionOptions<Shape> = {
  /** Description of the connection. */
  page: string
  /** Description of an edge. */
  edge: string
  totalCount: string
  fields?: ObjectFieldsShape<SchemaTypes, Shape>
}

/** The connection of a type: Relay's fields, `nodes` and `totalCount`, and more fields where they are given. */
export function connectionOf<Node extends object, Shape extends Page<Node> = Page<Node>>(
  type: ObjectRef<SchemaTypes, Node>,
  { page, edge, totalCount, fields }: ConnectionOptions<Shape>,
) {
  const edgeType = builder.objectRef<Edge<Node>>(`${type.name}Edge`).implement({
    description: edge,
    fields: (t) => ({
      cursor: t.exposeString('cursor', {
        description: 'Opaque place in the list, for `after` and `before`.',
      }),
      node: t.expose('node', { type, description: 'What is at this place.' }),
    }),
  })
  return builder.objectRef<Shape>(`${type.name}Connection`).implement({
    description: page,
    fields: (t) => ({
      edges: t.field({
        type: [edgeType],
        description: 'What is on the page, each with its cursor.',
        resolve: ({ edges }) => edges,
      }),
      nodes: t.field({
        type: [type],
        description: 'What is on the page, without cursors.',
        resolve: ({ edges }) => edges.map(({ node }) => node),
      }),
      pageInfo: t.field({
        type: builder.pageInfoRef(),
        description: 'Where the page lies in its list.',
        resolve: ({ pageInfo }) => pageInfo,
      }),
      totalCount: t.int({ description: totalCount, resolve: ({ countAll }) => countAll() }),
      ...fields?.(t),
    }),
  })
}

export function pageOf<Node>(
  nodes: readonly Node[],
  cursorOf: (node: Node) => string,
  ends: Pick<PageInfoShape, 'hasNextPage' | 'hasPreviousPage'>,
  countAll: Page<Node>['countAll'],
): Page<Node> {
  const edges = nodes.map((node) => ({ node, cursor: cursorOf(node) }))
  const startCursor = edges[0]?.cursor ?? null
  const endCursor = edges.at(-1)?.cursor ?? null
  return { edges, pageInfo: { ...ends, startCursor, endCursor }, countAll }
}
