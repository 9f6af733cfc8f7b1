import { InputError } from './errors.ts'

/** What a client asks of a list; null stands for an absent argument. */
export type PageRequest = {
  first?: number | null | undefined
  after?: string | null | undefined
  last?: number | null | undefined
  before?: string | null | undefined
}

/** Page sizes in items. */
export type PageSizes = { default: number; max: number }

/** A list in a total order. A place in it is a value: it stays valid when its item changes or is deleted. */
export type PagedList<Item, Place> = {
  placeOf(item: Item): Place
  encodeCursor(place: Place): string
  /** @throws InputError with the argument as its path when this list did not give the cursor */
  decodeCursor(cursor: string, argument: 'after' | 'before'): Place
  /** Reads a part of the list in its order, or in the reverse order when `isBackward` is true. */
  read(part: ListPart<Place>): Promise<Item[]>
  /** Counts the items of the whole list. */
  count(): Promise<number>
}

export type ListPart<Place> = {
  /** The part begins behind this place; null for the start of the list. */
  after: Place | null
  /** The part ends ahead of this place; null for the end of the list. */
  before: Place | null
  isBackward: boolean
  /** The maximum number of items to read. */
  limit: number
}

/** A page of a list, in the order of the list. */
export type Page<Item> = {
  edges: readonly Edge<Item>[]
  /** Reads whether the list has items after the page; after an empty page, whether it has some after `after`. */
  hasNextPage(): Promise<boolean>
  /** Reads whether the list has items before the page; before an empty page, whether it has some before `before`. */
  hasPreviousPage(): Promise<boolean>
}

export type CountedPage<Item> = Page<Item> & Pick<PagedList<Item, never>, 'count'>

export type Edge<Item> = { cursor: string; node: Item }

/**
 * Reads one page of a list by keyset, so that the cost does not depend on the depth. Items that come or go between two
 * pages change nothing for the others.
 *
 * @throws InputError with the argument as its path for a page size or a cursor that is not valid
 */
export async function readPage<Item, Place>(
  list: PagedList<Item, Place>,
  request: PageRequest,
  sizes: PageSizes,
): Promise<CountedPage<Item>> {
  const size = readPageSize(request, sizes)
  const after = typeof request.after === 'string' ? list.decodeCursor(request.after, 'after') : null
  const before = typeof request.before === 'string' ? list.decodeCursor(request.before, 'before') : null
  const isBackward = typeof request.last === 'number'
  // One more than the page has: by that one, the page knows that there are more.
  const read = await list.read({ after, before, isBackward, limit: size + 1 })
  const hasMore = read.length > size
  const items = read.slice(0, size)
  if (isBackward) items.reverse()
  const places = items.map((item) => list.placeOf(item))
  const hasItems = async (part: Pick<ListPart<Place>, 'after' | 'before'>): Promise<boolean> =>
    (await list.read({ ...part, isBackward: part.after === null, limit: 1 })).length > 0
  return {
    edges: items.map((node) => ({ node, cursor: list.encodeCursor(list.placeOf(node)) })),
    hasNextPage: async () =>
      (!isBackward && hasMore) ||
      (before !== null && (await hasItems({ after: places.at(-1) ?? after, before: null }))),
    hasPreviousPage: async () =>
      (isBackward && hasMore) ||
      (after !== null && (await hasItems({ after: null, before: places[0] ?? before }))),
    count: list.count,
  }
}

/**
 * Reads the size of a page in items.
 *
 * @throws InputError with the argument as its path when the size is not allowed
 */
export function readPageSize({ first, last }: PageRequest, sizes: PageSizes): number {
  if (typeof first === 'number' && typeof last === 'number') {
    throw new InputError('first and last cannot be combined. Give one of them.', ['last'])
  }
  const size = first ?? last ?? sizes.default
  if (size >= 1 && size <= sizes.max) return size
  const argument = typeof first === 'number' ? 'first' : 'last'
  throw new InputError(`${argument} is ${size}; it must be from 1 to ${sizes.max}.`, [argument])
}
