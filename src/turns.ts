export type Turns<Waiter> = ReturnType<typeof createTurns<Waiter>>

/**
 * Waiters by group, such as an account. The groups take turns, and each group serves its waiters in order. The group null,
 * which is the process itself, goes first.
 */
export function createTurns<Waiter>() {
  // The order of the keys is the order of the turns.
  const groups = new Map<string | null, Set<Waiter>>()
  let size = 0

  const remove = (group: string | null, waiter: Waiter): void => {
    const waiters = groups.get(group)
    if (!waiters?.delete(waiter)) return
    size--
    if (waiters.size === 0) groups.delete(group)
  }

  const findNext = (mayTake: (group: string | null) => boolean): string | null | undefined => {
    if (groups.has(null) && mayTake(null)) return null
    for (const group of groups.keys()) if (mayTake(group)) return group
    return undefined
  }

  return {
    add: (group: string | null, waiter: Waiter): void => {
      const waiters = groups.get(group) ?? new Set()
      groups.set(group, waiters.add(waiter))
      size++
    },
    remove,
    /** Removes and returns the next waiter of a group that may take a turn; null when there is none. */
    take: (mayTake: (group: string | null) => boolean): { group: string | null; waiter: Waiter } | null => {
      const group = findNext(mayTake)
      const waiters = group === undefined ? undefined : groups.get(group)
      if (group === undefined || !waiters) return null
      const [waiter] = waiters
      if (waiter === undefined) return null
      remove(group, waiter)
      // Its next turn comes after those of the others.
      if (groups.delete(group)) groups.set(group, waiters)
      return { group, waiter }
    },
    /** The number of waiters of a group. */
    count: (group: string | null): number => groups.get(group)?.size ?? 0,
    size: (): number => size,
  }
}
