import type { InterfaceRef, ObjectFieldsShape, ObjectRef } from '@pothos/core'
import {
  type CountedPage,
  countLimit,
  type Edge,
  type Page,
  type PagedList,
  type PageRequest,
  type PageSizes,
  readPage,
} from '../page.ts'
import { builder, type FieldBuilder, type SchemaTypes } from './builder.ts'
import { namingArguments } from './errors.ts'
import { costExtension, costPerEntryExtension } from './plugins/document-cost.ts'

/** A count visits up to 10,000 items of the list. */
const countCost = 500

/** An item is read from the database as a whole, whatever is selected. */
const itemCost = 3

/** A page is read by a query of its own. */
export const pageCost = 10

type PageInfoValue = Pick<Page<unknown>, 'hasNextPage' | 'hasPreviousPage'> & {
  startCursor: string | null
  endCursor: string | null
}

type ConnectionOptions<Shape> = {
  /** Description of the connection. */
  page: string
  /** Description of an edge. */
  edge: string
  /** Description of the node of an edge. */
  node: string
  cursorType?: 'String' | 'EventCursor'
  /** Fields besides those of every connection. */
  fields: ObjectFieldsShape<SchemaTypes, Shape>
}

/** Relay's type. Unlike that of Pothos, it checks for items beside the page only when a field selects the result. */
export const PageInfo = builder.objectRef<PageInfoValue>('PageInfo').implement({
  description: 'Information about pagination.',
  fields: (t) => ({
    hasNextPage: t.boolean({
      description:
        'True when the list has items after the page, whether you page forward or backward. With a filter on events, true when more events may match.',
      resolve: (page) => page.hasNextPage(),
    }),
    hasPreviousPage: t.boolean({
      description:
        'True when the list has items before the page, whether you page forward or backward. With a filter on events, true when more events may match.',
      resolve: (page) => page.hasPreviousPage(),
    }),
    startCursor: t.exposeString('startCursor', {
      nullable: true,
      description: 'The cursor of the first item on the page. Null when the page is empty.',
    }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'The cursor of the last item on the page. Null when the page is empty.',
    }),
  }),
})

/** The connection of a type: the fields that Relay defines, `nodes`, and `fields`. */
export function connectionOf<Node extends object, Shape extends Page<Node> = CountedPage<Node>>(
  type: ObjectRef<SchemaTypes, Node> | InterfaceRef<SchemaTypes, Node>,
  { page, edge, node, cursorType = 'String', fields }: ConnectionOptions<Shape>,
) {
  const edgeType = builder.objectRef<Edge<Node>>(`${type.name}Edge`).implement({
    description: edge,
    fields: (t) => ({
      cursor: t.expose('cursor', {
        type: cursorType,
        description: 'The opaque cursor of the item, for pagination.',
      }),
      node: t.expose('node', { type, description: node }),
    }),
  })
  return builder.objectRef<Shape>(`${type.name}Connection`).implement({
    description: page,
    fields: (t) => ({
      edges: t.field({
        type: [edgeType],
        description: 'The items on the page, each with its cursor.',
        extensions: { [costPerEntryExtension]: itemCost },
        resolve: ({ edges }) => edges,
      }),
      nodes: t.field({
        type: [type],
        description: 'The items on the page, without cursors.',
        extensions: { [costPerEntryExtension]: itemCost },
        resolve: ({ edges }) => edges.map(({ node }) => node),
      }),
      pageInfo: t.field({
        type: PageInfo,
        description: 'Information about pagination.',
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

/** The fields of a connection that count its items. @param items what the list contains, in the plural */
export function countFields<Shape extends Pick<CountedPage<unknown>, 'count'>>(
  t: FieldBuilder<Shape>,
  items: string,
) {
  const limit = countLimit.toLocaleString('en')
  return {
    totalCount: t.int({
      description: `The number of ${items} on all pages, at most ${limit}. It is ${limit} when there are more; \`isTotalCountExact\` is then false. It is counted only when it is selected.`,
      extensions: { [costExtension]: countCost },
      resolve: async ({ count }) => Math.min(await count(), countLimit),
    }),
    isTotalCountExact: t.boolean({
      description: `True when \`totalCount\` is the exact number, false when there are more than ${limit} ${items}.`,
      extensions: { [costExtension]: countCost },
      resolve: async ({ count }) => (await count()) <= countLimit,
    }),
  }
}

/**
 * Reads a page of a list for its connection.
 *
 * @throws GraphQLError that names the argument for a page size or a cursor that is not valid
 */
export function readConnection<Item, Position>(
  listOf: () => PagedList<Item, Position>,
  request: PageRequest,
  sizes: PageSizes,
): Promise<CountedPage<Item>> {
  return namingArguments(() => readPage(listOf(), request, sizes))
}
