import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { idPrefixes, newId } from '../../../src/ids.ts'
import type { ReportRun } from '../../../src/postgres/generated/prisma/client.ts'
import type { Delivery, Message } from '../../../src/runs/follow/delivery.ts'
import { deliverRunEvents, type LiveEvents } from '../../../src/runs/follow/live-events.ts'
import { deliverRun, type LiveRun } from '../../../src/runs/follow/live-run.ts'
import type { RunEvent } from '../../../src/runs/follow/run-event.ts'
import { createShared } from '../../../src/runs/follow/shared.ts'
import { transition } from '../../../src/runs/lifecycle/transition.ts'
import { createRunLoader } from '../../../src/runs/list/find-run.ts'
import { insertRun, type RunOwner } from '../../support/insert-run.ts'
import { openRunParts, type RunParts } from '../../support/run-parts.ts'

let parts: RunParts
beforeAll(async () => {
  parts = await openRunParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

function now(): Date {
  return new Date()
}

async function createOwner(): Promise<RunOwner> {
  const accountId = newId(idPrefixes.account, now())
  await parts.prisma.account.create({ data: { id: accountId, name: 'Test' } })
  return { ...parts.owner, accountId }
}

/** A client that reads only when it is let. */
function createClient() {
  const received: string[] = []
  let unsent: string | null = null
  let isStuck = false
  let onReady = (): void => {}
  const flush = (): void => {
    if (unsent === null || isStuck) return
    received.push(unsent)
    unsent = null
    onReady()
  }
  const sink = {
    isReady: () => unsent === null,
    whenReady: async () => {
      if (unsent !== null) await new Promise<void>((resolve) => (onReady = resolve))
    },
    send: ({ text }: Message): void => {
      if (unsent !== null) throw new Error('The previous message is unsent.')
      unsent = text
      setImmediate(flush)
    },
  }
  const setStuck = (stuck: boolean): void => {
    isStuck = stuck
    flush()
  }
  return { received, sink, setStuck }
}

function services() {
  const runLoader = createRunLoader(parts.rows)
  const live = { events: createShared<LiveEvents>(), runs: createShared<LiveRun>() }
  return { ...parts, runLoader, now, live }
}

type Member = ReturnType<typeof createClient> & {
  /** The position after which it receives events. */
  after: number
  end: () => Promise<void>
}

/** Creates a log with one run, and the clients of one group that follow it. */
async function createLog() {
  const owner = await createOwner()
  const { id } = await insertRun(parts.prisma, owner, { status: 'RUNNING' })
  const shared = services()
  const createRender =
    () =>
    async ({ cursor }: RunEvent) => ({ text: String(cursor.position), eventCursor: null })
  const members: Member[] = []
  let position = 0
  const join = (): void => {
    const client = createClient()
    const ending = new AbortController()
    const after = { position: BigInt(position), snapshotsAfter: null }
    const delivery: Delivery<RunEvent> = { group: 'all', createRender, sink: client.sink }
    const options = { scope: { kind: 'all' as const }, after, progressInterval: 0 }
    // An aborted wait throws.
    const ended = deliverRunEvents(shared, owner, options, delivery, ending.signal).catch(
      (error: unknown) => {
        if (!ending.signal.aborted) throw error
      },
    )
    const end = (): Promise<void> => {
      client.setStuck(false)
      ending.abort()
      return ended
    }
    members.push({ ...client, end, after: position })
  }
  const change = async (): Promise<void> => {
    await transition({ ...parts, now }, { runId: id, from: 'RUNNING', to: 'RUNNING' })
    position++
  }
  const leave = async (index: number): Promise<void> => members.splice(index, 1)[0]?.end()
  const expected = () =>
    members.map(({ after }) =>
      Array.from({ length: position - after }, (_, index) => String(after + index + 1)),
    )
  return { members, join, change, leave, expected }
}

test('each client receives each event once and in order, whatever clients read slowly, join or leave', async () => {
  const kinds = fc.constantFrom('change', 'change', 'join', 'leave', 'stick', 'read' as const)
  const actions = fc.array(fc.tuple(kinds, fc.nat(5)), { minLength: 10, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(actions, async (given) => {
      const { members, join, change, leave, expected } = await createLog()
      join()
      const act = {
        change,
        join,
        leave: async (index: number) => (members.length > 1 ? leave(index) : undefined),
        stick: (index: number) => members[index]?.setStuck(true),
        read: (index: number) => members[index]?.setStuck(false),
      }
      for (const [kind, number] of given) await act[kind](number % members.length)
      for (const { setStuck } of members) setStuck(false)
      const received = () => members.map((member) => member.received)
      await vi.waitFor(() => expect(received()).toEqual(expected()), { timeout: 20_000, interval: 2 })
      for (const { end } of members) await end()
    }),
    { numRuns: 15, endOnFailure: true },
  )
})

test('an event is executed once for all clients of a group, and a state of a run as well', async () => {
  const owner = await createOwner()
  const run = await insertRun(parts.prisma, owner, { status: 'RUNNING' })
  const shared = services()
  const ending = new AbortController()
  const renderEvent = vi.fn(async ({ cursor }: RunEvent) => ({
    text: String(cursor.position),
    eventCursor: null,
  }))
  const renderRun = vi.fn(async ({ version }: ReportRun) => ({ text: String(version), eventCursor: null }))
  const options = {
    scope: { kind: 'all' as const },
    after: { position: 0n, snapshotsAfter: null },
    progressInterval: 0,
  }
  const followers = Array.from({ length: 100 }, createClient)
  const watchers = Array.from({ length: 100 }, createClient)
  const ended = [
    ...followers.map(({ sink }) =>
      deliverRunEvents(
        shared,
        owner,
        options,
        { group: 'log', createRender: () => renderEvent, sink },
        ending.signal,
      ),
    ),
    ...watchers.map(({ sink }) =>
      deliverRun(shared, owner, run.id, { group: 'run', createRender: () => renderRun, sink }, ending.signal),
    ),
  ]
  await vi.waitFor(() => expect(watchers.every(({ received }) => received.length === 1)).toBe(true))
  renderRun.mockClear()
  await transition({ ...parts, now }, { runId: run.id, from: 'RUNNING', to: 'RUNNING' })
  await vi.waitFor(() => {
    expect(followers.map(({ received }) => received)).toEqual(followers.map(() => ['1']))
    expect(watchers.map(({ received }) => received)).toEqual(watchers.map(() => ['1', '2']))
  })
  expect(renderEvent).toHaveBeenCalledTimes(1)
  expect(renderRun).toHaveBeenCalledTimes(1)
  // The final state ends the stream of each client.
  await transition({ ...parts, now }, { runId: run.id, from: 'RUNNING', to: 'CANCELED' })
  await Promise.all(ended.slice(100))
  ending.abort()
  await Promise.all(ended)
})
