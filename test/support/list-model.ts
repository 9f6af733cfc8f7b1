import fc from 'fast-check'
import type { PageArguments } from './run-list.ts'

export type PageInfo = {
  startCursor: string | null
  endCursor: string | null
  hasNextPage: boolean
  hasPreviousPage: boolean
}

/** A page as a client sees it. Items are represented by their ids. */
export type ShownPage = PageInfo & { ids: string[] }

export type ListModel = {
  /** All items that the list has ever contained, in its order. */
  all: readonly string[]
  /** The items that it contains now. */
  left: ReadonlySet<string>
  /** Cursors of items, including removed ones. */
  cursors: ReadonlyMap<string, string>
}

type Asked = { size: Pick<PageArguments, 'first' | 'last'>; after: string | null; before: string | null }

const size = fc.integer({ min: 1, max: 6 })
const forward = fc.oneof(
  { weight: 4, arbitrary: size.map((first) => ({ first })) },
  { weight: 1, arbitrary: fc.constant({}) },
)
const anySize = fc.oneof(
  forward,
  size.map((last) => ({ last })),
)
const anyPlace = fc.option(fc.nat(), { freq: 3 })

/** Pages to request; a number selects one of the known cursors. */
export const anyPages = fc.array(fc.record({ size: anySize, after: anyPlace, before: anyPlace }), {
  minLength: 8,
  maxLength: 8,
})
export type Chosen = typeof anyPages extends fc.Arbitrary<infer Value> ? Value : never

export const forwardPages: fc.Arbitrary<Chosen> = fc.array(
  fc.record({ size: forward, after: anyPlace, before: fc.constant(null) }),
  { minLength: 6, maxLength: 6 },
)

/** Replaces the numbers of a page by items whose cursors are known. */
export function askedPage(
  { cursors }: Pick<ListModel, 'cursors'>,
  { size, after, before }: { size: Asked['size']; after: number | null; before: number | null },
): Asked {
  const known = [...cursors.keys()]
  const choose = (place: number | null) => (place === null ? null : (known[place % known.length] ?? null))
  return { size, after: choose(after), before: choose(before) }
}

/** The arguments that request a page. */
export function argumentsFor(
  { cursors }: Pick<ListModel, 'cursors'>,
  { size, after, before }: Asked,
): PageArguments {
  return {
    ...size,
    ...(after !== null && { after: cursors.get(after) ?? '' }),
    ...(before !== null && { before: cursors.get(before) ?? '' }),
  }
}

/** The page according to the model. */
export function expectedPage(
  { all, left }: Pick<ListModel, 'all' | 'left'>,
  { size: { first, last }, after, before }: Asked,
  defaultSize: number,
): Pick<ShownPage, 'ids' | 'hasNextPage' | 'hasPreviousPage'> {
  const live = all.filter((id) => left.has(id))
  const isAfter = (id: string, other: string | null) => other === null || all.indexOf(id) > all.indexOf(other)
  const isBefore = (id: string, other: string | null) =>
    other === null || all.indexOf(id) < all.indexOf(other)
  const between = live.filter((id) => isAfter(id, after) && isBefore(id, before))
  const ids = last === undefined ? between.slice(0, first ?? defaultSize) : between.slice(-last)
  return {
    ids,
    hasNextPage: live.some((id) => isAfter(id, ids.at(-1) ?? after)),
    hasPreviousPage: live.some((id) => isBefore(id, ids[0] ?? before)),
  }
}
