import { InputError } from './errors.ts'

/** The page arguments of a list. Null means that the argument is omitted. */
export type PageRequest = {
  first?: number | null | undefined
  after?: string | null | undefined
  last?: number | null | undefined
  before?: string | null | undefined
}

/** Page sizes in items. */
export type PageSizes = { default: number; max: number }

/** A list in a total order. A position in it is a value, which stays valid when its item changes or is deleted. */
export type PagedList<Item, Position> = {
  positionOf(item: Item): Position
  encodeCursor(position: Position): string
  /** @throws InputError with the argument as its path when the cursor is not one of this list */
  decodeCursor(cursor: string, argument: 'after' | 'before'): Position
  /** Reads a part of the list in its order, or in the reverse order when `isBackward` is true. */
  read(part: ListPart<Position>): Promise<Item[]>
  /** Counts the items of the whole list; more than `countLimit` when there are more. */
  count(): Promise<number>
}

/** The number up to which the items of a list are counted exactly. */
export const countLimit = 10_000

export type ListPart<Position> = {
  /** The part starts after this position; null for the start of the list. */
  after: Position | null
  /** The part ends before this position; null for the end of the list. */
  before: Position | null
  isBackward: boolean
  /** The maximum number of items to read. */
  limit: number
}

/** A page of a list, in the order of the list. */
export type Page<Item> = {
  edges: readonly Edge<Item>[]
  /** Reads whether the list has items after the page; for an empty page, whether it has items after `after`. */
  hasNextPage(): Promise<boolean>
  /** Reads whether the list has items before the page; for an empty page, whether it has items before `before`. */
  hasPreviousPage(): Promise<boolean>
}

export type CountedPage<Item> = Page<Item> & {
  /** Counts the items of the whole list once; more than `countLimit` when there are more. */
  count(): Promise<number>
}

export type Edge<Item> = { cursor: string; node: Item }

/**
 * Reads one page of a list by keyset, so that the cost does not depend on the depth. Items that are added or deleted
 * between two pages do not affect the other items.
 *
 * @throws InputError with the argument as its path for a page size or a cursor that is not valid
 */
export async function readPage<Item, Position>(
  list: PagedList<Item, Position>,
  request: PageRequest,
  sizes: PageSizes,
): Promise<CountedPage<Item>> {
  const size = readPageSize(request, sizes)
  const after = typeof request.after === 'string' ? list.decodeCursor(request.after, 'after') : null
  const before = typeof request.before === 'string' ? list.decodeCursor(request.before, 'before') : null
  const isBackward = typeof request.last === 'number'
  // One item more than the page has: it shows whether there are more.
  const read = await list.read({ after, before, isBackward, limit: size + 1 })
  const hasMore = read.length > size
  const items = read.slice(0, size)
  if (isBackward) items.reverse()
  const positions = items.map((item) => list.positionOf(item))
  const hasItems = async (part: Pick<ListPart<Position>, 'after' | 'before'>): Promise<boolean> =>
    (await list.read({ ...part, isBackward: part.after === null, limit: 1 })).length > 0
  let counting: Promise<number> | null = null
  const count = (): Promise<number> => {
    counting ??= list.count()
    return counting
  }
  return {
    edges: items.map((node) => ({ node, cursor: list.encodeCursor(list.positionOf(node)) })),
    hasNextPage: async () =>
      (!isBackward && hasMore) ||
      (before !== null && (await hasItems({ after: positions.at(-1) ?? after, before: null }))),
    hasPreviousPage: async () =>
      (isBackward && hasMore) ||
      (after !== null && (await hasItems({ after: null, before: positions[0] ?? before }))),
    count,
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
