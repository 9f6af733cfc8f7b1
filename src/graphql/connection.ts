import type { InterfaceRef, ObjectFieldsShape, ObjectRef } from '@pothos/core'
import {
  type CountedPage,
  type Edge,
  type Page,
  type PagedList,
  type PageRequest,
  type PageSizes,
  readPage,
} from '../page.ts'
import { builder, type SchemaTypes } from './builder.ts'
import { namingArguments } from './errors.ts'

type PageInfoValue = Pick<Page<unknown>, 'hasNextPage' | 'hasPreviousPage'> & {
  startCursor: string | null
  endCursor: string | null
}

type ConnectionOptions<Shape> = {
  /** Description of the connection. */
  page: string
  /** Description of an edge. */
  edge: string
  cursorType?: 'String' | 'EventCursor'
  /** More fields. */
  fields: ObjectFieldsShape<SchemaTypes, Shape>
}

/** Relay's type, but what lies beside the page is read only when it is selected, for which Pothos has no place. */
export const PageInfo = builder.objectRef<PageInfoValue>('PageInfo').implement({
  description: 'Where a page lies in its list.',
  fields: (t) => ({
    hasNextPage: t.boolean({
      description: 'True when the list has items after the page, whatever arguments were given.',
      resolve: (page) => page.hasNextPage(),
    }),
    hasPreviousPage: t.boolean({
      description: 'True when the list has items before the page, whatever arguments were given.',
      resolve: (page) => page.hasPreviousPage(),
    }),
    startCursor: t.exposeString('startCursor', {
      nullable: true,
      description: 'The cursor of the first item on the page; null when the page is empty.',
    }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'The cursor of the last item on the page; null when the page is empty.',
    }),
  }),
})

/** The connection of a type: the fields that Relay defines, `nodes`, and more fields. */
export function connectionOf<Node extends object, Shape extends Page<Node> = CountedPage<Node>>(
  type: ObjectRef<SchemaTypes, Node> | InterfaceRef<SchemaTypes, Node>,
  { page, edge, cursorType = 'String', fields }: ConnectionOptions<Shape>,
) {
  const edgeType = builder.objectRef<Edge<Node>>(`${type.name}Edge`).implement({
    description: edge,
    fields: (t) => ({
      cursor: t.expose('cursor', {
        type: cursorType,
        description: 'The opaque cursor of the item in its list.',
      }),
      node: t.expose('node', { type, description: 'The item.' }),
    }),
  })
  return builder.objectRef<Shape>(`${type.name}Connection`).implement({
    description: page,
    fields: (t) => ({
      edges: t.field({
        type: [edgeType],
        description: 'The items on the page, each with its cursor.',
        resolve: ({ edges }) => edges,
      }),
      nodes: t.field({
        type: [type],
        description: 'The items on the page, without cursors.',
        resolve: ({ edges }) => edges.map(({ node }) => node),
      }),
      pageInfo: t.field({
        type: PageInfo,
        description: 'Where the page lies in its list.',
        resolve: ({ edges, hasNextPage, hasPreviousPage }) => ({
          startCursor: edges[0]?.cursor ?? null,
          endCursor: edges.at(-1)?.cursor ?? null,
          hasNextPage,
          hasPreviousPage,
        }),
      }),
      ...fields(t),
    }),
  })
}

/** Reads a page of a list for its connection. The error for a mistake of the client names the argument. */
export function readConnection<Item, Place>(
  listOf: () => PagedList<Item, Place>,
  request: PageRequest,
  sizes: PageSizes,
): Promise<CountedPage<Item>> {
  return namingArguments(() => readPage(listOf(), request, sizes))
}
