import type { RunEvent } from './run-event.ts'

/**
 * Creates a function that returns false for a progress event that follows the previous one of its run too soon, and true for
 * every other event.
 *
 * @param interval the minimum time between two progress events of one run, in milliseconds
 */
export function throttleProgress(interval: number): (runEvent: RunEvent) => boolean {
  /** By run ID, oldest first. Only those of the last interval matter, so that thousands of subscriptions need little memory. */
  let shownAt: Map<string, number> | null = null
  return (runEvent) => {
    if (interval === 0 || runEvent.kind !== 'CHANGED' || runEvent.event.kind !== 'PROGRESSED') return true
    shownAt ??= new Map()
    const { runId, occurredAt } = runEvent.event
    const at = occurredAt.getTime()
    // After a clock is set back, progress must still be shown.
    const isTooSoon = (shown: number): boolean => Math.abs(at - shown) < interval
    if (isTooSoon(shownAt.get(runId) ?? Number.NEGATIVE_INFINITY)) return false
    for (const [id, shown] of shownAt) {
      if (isTooSoon(shown)) break
      shownAt.delete(id)
    }
    shownAt.delete(runId)
    shownAt.set(runId, at)
    return true
  }
}
