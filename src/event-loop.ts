import { createTurns } from './turns.ts'

const waiting = createTurns<() => void>()

/**
 * Waits for a turn of the event loop. In each iteration of the loop one caller continues, and the accounts take turns. So
 * the work of one account is split into parts, between which other requests are answered.
 *
 * @param accountId the account that the work is for
 */
export function eventLoopTurn(accountId: string): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.size() === 0) setImmediate(continueNext)
    waiting.add(accountId, resolve)
  })
}

function continueNext(): void {
  waiting.take(() => true)?.waiter()
  if (waiting.size() > 0) setImmediate(continueNext)
}
