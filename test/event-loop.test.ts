import { expect, test } from 'vitest'
import { eventLoopTurn } from '../src/event-loop.ts'

function workFor(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

/** Counts the iterations of the event loop until the work is done, and those in which each caller continued. */
async function countIterations(callers: readonly string[], milliseconds: number) {
  const order: string[] = []
  const used = new Set<number>()
  let iteration = 0
  let isCounting = true
  const count = (): void => {
    iteration++
    if (isCounting) setImmediate(count)
  }
  setImmediate(count)
  const work = async (account: string): Promise<void> => {
    await eventLoopTurn(account)
    // The work of a caller has several parts.
    await null
    await null
    workFor(milliseconds)
    order.push(account)
    used.add(iteration)
  }
  await Promise.all(callers.map(work))
  isCounting = false
  return { order, iterations: used.size }
}

test('long work of many callers is split into iterations of the event loop, and the accounts take turns', async () => {
  const callers = [...Array.from({ length: 30 }, () => 'a'), 'b', 'c', 'b']
  const { order, iterations } = await countIterations(callers, 1)
  expect(order.slice(0, 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'a'])
  expect(order).toHaveLength(33)
  expect(iterations).toBe(33)
})

test('many callers with little work continue in one iteration', async () => {
  const { iterations } = await countIterations(
    Array.from({ length: 1_000 }, () => 'a'),
    0,
  )
  expect(iterations).toBeLessThan(500)
})
