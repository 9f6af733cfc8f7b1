import { expect, test, vi } from 'vitest'
import { CongestionError } from '../src/errors.ts'
import { createFairQueue, type FairQueue, type Leave } from '../src/fair-queue.ts'

/** Asks for `count` slots; the returned list has a Leave for each one that was given, in order. */
async function ask(queue: FairQueue, group: string | null, count: number): Promise<Leave[]> {
  const given: Leave[] = []
  for (let index = 0; index < count; index++) void queue.enter(group).then((leave) => given.push(leave))
  await settled()
  return given
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('a group alone gets half of the slots, and the others remain for groups that have none', async () => {
  const queue = createFairQueue(10, null)
  const first = await ask(queue, 'a', 30)
  const second = await ask(queue, 'b', 30)
  const third = await ask(queue, 'c', 30)
  expect([first.length, second.length, third.length]).toEqual([5, 3, 1])
  expect(queue.waiting()).toBe(90 - 9)
})

test('groups share the slots equally after a while, and take turns', async () => {
  const queue = createFairQueue(10, null)
  const order: string[] = []
  for (const group of ['a', 'b', 'c']) {
    for (let index = 0; index < 40; index++) {
      void queue.enter(group).then(async (leave) => {
        order.push(group)
        await settled()
        leave()
      })
    }
  }
  await vi.waitFor(() => expect(order).toHaveLength(120))
  const middle = order.slice(20, 80)
  for (const group of ['a', 'b', 'c']) {
    expect(middle.filter((one) => one === group).length).toBeGreaterThanOrEqual(15)
  }
})

test.each([1, 2, 3])('of %i slots, every waiter gets one in the end', async (slots) => {
  const queue = createFairQueue(slots, null)
  let served = 0
  for (let index = 0; index < 30; index++) {
    void queue.enter(index % 3 === 0 ? null : `${index % 2}`).then(async (leave) => {
      await settled()
      served++
      leave()
      // A second call must not give a slot back twice.
      leave()
    })
  }
  await vi.waitFor(() => expect(served).toBe(30))
  expect(await ask(queue, 'new', 30)).toHaveLength(Math.ceil(slots / 2))
})

test('the work of the process goes first and is not limited', async () => {
  const queue = createFairQueue(4, null)
  const held = await ask(queue, 'a', 10)
  expect(held).toHaveLength(2)
  expect(await ask(queue, null, 2)).toHaveLength(2)
  const next = await ask(queue, null, 1)
  await ask(queue, 'b', 1)
  held[0]?.()
  await settled()
  expect(queue.waiting()).toBe(8 + 1)
  expect(next).toHaveLength(1)
})

test('a waiter gives up when nothing moves, or when its own group has waited too long', async () => {
  vi.useFakeTimers()
  try {
    const queue = createFairQueue(2, { stalled: 5_000, total: 30_000, waiters: 3 })
    const leave = await queue.enter('a')
    const stalled = queue.enter('a').catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(5_001)
    expect(await stalled).toMatchObject({ reason: 'stalled', retryAfter: 5 })

    const crowded = queue.enter('a').catch((error: unknown) => error)
    for (let second = 0; second < 31; second++) {
      const other = await queue.enter('b')
      await vi.advanceTimersByTimeAsync(1_000)
      other()
    }
    expect(await crowded).toMatchObject({ reason: 'crowded', retryAfter: 30 })

    const waiting = [1, 2, 3].map(() => queue.enter('a').catch(() => null))
    await expect(queue.enter('a')).rejects.toBeInstanceOf(CongestionError)
    leave()
    expect(await waiting[0]).not.toBeNull()
  } finally {
    vi.useRealTimers()
  }
})
