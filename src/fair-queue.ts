import { CongestionError } from './errors.ts'
import { createTurns } from './turns.ts'

/** Gives a slot back. A second call has no effect. */
export type Leave = () => void

export type FairQueue = ReturnType<typeof createFairQueue>

/** When a waiter gives up; all times are in milliseconds. */
export type WaitingLimits = {
  /** How long no slot may have become free. */
  stalled: number
  /** How long a waiter waits in all. */
  total: number
  /** Maximum number of waiters of one group. */
  waiters: number
}

/** The limits of requests, whose clients wait. */
export const requestLimits: WaitingLimits = { stalled: 5_000, total: 30_000, waiters: 1_000 }

type Waiter = { admit: (leave: Leave) => void }

/** The retry time of a request that is refused at once, in seconds. */
const crowdedSeconds = 5

/**
 * Shares slots, such as the connections of a pool, among groups, such as accounts. A group takes another slot only while
 * it holds fewer than are free. So one group never holds more than half of the slots, several groups share them equally,
 * and a slot remains for a group that has none. Groups that wait take turns.
 *
 * The group null is the process itself, whose own work is bounded. It is not limited and goes first.
 *
 * @param limits null when waiters never give up
 */
export function createFairQueue(slots: number, limits: WaitingLimits | null) {
  const held = new Map<string | null, number>()
  const waiting = createTurns<Waiter>()
  let free = slots
  let movedAt = performance.now()

  const heldBy = (group: string | null): number => held.get(group) ?? 0
  const mayEnter = (group: string | null): boolean => free > 0 && (group === null || heldBy(group) < free)

  const take = (group: string | null): Leave => {
    let isHeld = true
    free--
    held.set(group, heldBy(group) + 1)
    return () => {
      if (!isHeld) return
      isHeld = false
      free++
      movedAt = performance.now()
      if (heldBy(group) > 1) held.set(group, heldBy(group) - 1)
      else held.delete(group)
      admitNext()
    }
  }

  const admitNext = (): void => {
    for (let next = waiting.take(mayEnter); next; next = waiting.take(mayEnter)) {
      next.waiter.admit(take(next.group))
    }
  }

  const wait = (group: string | null): Promise<Leave> =>
    new Promise((resolve, reject) => {
      const since = performance.now()
      let timer: NodeJS.Timeout | undefined
      const waiter: Waiter = {
        admit: (leave) => {
          clearTimeout(timer)
          resolve(leave)
        },
      }
      waiting.add(group, waiter)
      if (!limits) return
      const { stalled, total } = limits
      const check = (): void => {
        const now = performance.now()
        const left = Math.min(Math.max(since, movedAt) + stalled, since + total) - now
        if (left > 0) {
          timer = setTimeout(check, Math.ceil(left)).unref()
          return
        }
        waiting.remove(group, waiter)
        const isStalled = now - movedAt >= stalled
        reject(new CongestionError(isStalled ? 'stalled' : 'crowded', Math.ceil((now - since) / 1000)))
      }
      check()
    })

  const enter = async (group: string | null): Promise<Leave> => {
    if (mayEnter(group)) return take(group)
    if (limits && waiting.count(group) >= limits.waiters) throw new CongestionError('crowded', crowdedSeconds)
    return wait(group)
  }

  return {
    /**
     * Waits for a slot. The caller gives it back.
     *
     * @throws CongestionError when a limit of waiting is exceeded
     */
    enter,
    /**
     * Runs work in a slot.
     *
     * @throws CongestionError when a limit of waiting is exceeded
     */
    run: async <Result>(group: string | null, work: () => Promise<Result>): Promise<Result> => {
      const leave = await enter(group)
      try {
        return await work()
      } finally {
        leave()
      }
    },
    /** The number of waiters of all groups. */
    waiting: (): number => waiting.size(),
  }
}
