import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { createCatchUp } from '../../../src/runs/follow/catch-up.ts'
import type { RunEventPage } from '../../../src/runs/follow/run-event.ts'

const { signal } = new AbortController()

function page(hasMore: boolean): RunEventPage {
  return { events: [], end: { position: 5n, snapshotsAfter: null }, hasMore }
}

/** Reads that end when the test ends them, in the order of their start. */
function controlledReads() {
  const started: { name: string; end: (hasMore: boolean) => void; fail: (error: Error) => void }[] = []
  const read = (name: string) => () =>
    new Promise<RunEventPage>((resolve, reject) => {
      started.push({ name, end: (hasMore) => resolve(page(hasMore)), fail: reject })
    })
  return { started, read, names: () => started.map(({ name }) => name) }
}

test('accounts take turns, and one account never has two reads at once', async () => {
  const catchUp = createCatchUp()
  const { started, read, names } = controlledReads()
  const ask = (accountId: string, key: string) =>
    catchUp.read({ accountId, key: `${accountId}${key}`, signal, read: read(`${accountId}${key}`) })
  const pages = [1, 2, 3].map((key) => ask('a', `${key}`))
  pages.push(ask('b', '1'), ask('c', '1'))
  await nextTurn()
  expect(names()).toEqual(['a1', 'b1'])
  for (let index = 0; index < 5; index++) {
    started[index]?.end(false)
    await nextTurn()
  }
  await Promise.all(pages)
  expect(names()).toEqual(['a1', 'b1', 'a2', 'c1', 'a3'])
})

test('followers at the same position share one read, and a full page also serves slower ones for seconds', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    const catchUp = createCatchUp()
    const { started, read } = controlledReads()
    const ask = () => catchUp.read({ accountId: 'a', key: 'k', signal, read: read('k') })
    const first = [ask(), ask(), ask()]
    await nextTurn()
    started[0]?.end(true)
    expect(new Set(await Promise.all(first)).size).toBe(1)
    expect(await ask()).toBe(await first[0])
    expect(started).toHaveLength(1)

    vi.advanceTimersByTime(5_001)
    const later = ask()
    await nextTurn()
    expect(started).toHaveLength(2)
    started[1]?.end(true)
    expect(await later).not.toBe(await first[0])
  } finally {
    vi.useRealTimers()
  }
})

test('the last page of the log, a failed read and a read that no follower needs are not kept', async () => {
  const catchUp = createCatchUp()
  const { started, read } = controlledReads()
  const ask = (key: string, by = signal) => catchUp.read({ accountId: 'a', key, signal: by, read: read(key) })

  const last = ask('k')
  await nextTurn()
  started[0]?.end(false)
  await last
  const failing = ask('k')
  await nextTurn()
  started[1]?.fail(new Error('Outage.'))
  await expect(failing).rejects.toThrow('Outage.')
  const again = ask('k')
  await nextTurn()
  expect(started).toHaveLength(3)

  const leaving = new AbortController()
  const unneeded = ask('other', leaving.signal)
  leaving.abort()
  started[2]?.end(true)
  await again
  await expect(unneeded).rejects.toThrow('No follower needs the page any more.')
  expect(started).toHaveLength(3)
})

test('in another history of the log, no follower gets a page whose read began before', async () => {
  const catchUp = createCatchUp()
  const { started, read, names } = controlledReads()
  const ask = (accountId: string, name: string) =>
    catchUp.read({ accountId, key: accountId, signal, read: read(name) })
  const kept = ask('a', 'kept')
  await nextTurn()
  started[0]?.end(true)
  await kept
  const slow = ask('b', 'slow')
  await nextTurn()

  catchUp.forget()
  const later = [ask('a', 'a'), ask('b', 'b')]
  await nextTurn()
  started[1]?.end(false)
  await slow
  // The end of the earlier read does not end the sharing of the later one.
  later.push(ask('b', 'unneeded'))
  await nextTurn()
  for (const { end } of started.slice(2)) end(false)
  await Promise.all(later)
  expect(names()).toEqual(['kept', 'slow', 'a', 'b'])
})
