import { createTurns } from './turns.ts'

/** How long callers continue in one iteration of the event loop, in milliseconds. */
const budget = 0.5

const waiting = createTurns<() => void>()

/**
 * Waits for a turn of the event loop. In each iteration of the loop, callers continue for half a millisecond, at least one of
 * them, and the accounts take turns. So long work is split into parts, between which other requests are answered. Work
 * between two turns must be short.
 *
 * @param accountId the account that the work is for
 */
export function eventLoopTurn(accountId: string): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.size() === 0) setImmediate(continueSome)
    waiting.add(accountId, resolve)
  })
}

function continueSome(): void {
  const end = performance.now() + budget
  const continueNext = (): void => {
    waiting.take(() => true)?.waiter()
    if (waiting.size() === 0) return
    // A tick that a microtask requests runs after all microtasks, which are the work of the caller.
    queueMicrotask(() => process.nextTick(decide))
  }
  const decide = (): void => {
    if (performance.now() < end) continueNext()
    else setImmediate(continueSome)
  }
  continueNext()
}
