import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createPool, type Prisma } from '../src/database/client.ts'
import { createHub, type Hub } from '../src/events/hub.ts'
import { startWakeUp, type WakeUp } from '../src/events/wake-up.ts'
import { followRun } from '../src/runs/follow-run.ts'
import { createRunLoader, type RunLoader } from '../src/runs/run-loader.ts'
import { transition } from '../src/runs/transition.ts'
import type { TestDatabase } from './database.ts'
import { insertRun, type RunOwner } from './insert-run.ts'
import { openRunParts, type RunParts } from './run-parts.ts'
import { noteStatements } from './sent-statements.ts'

let parts: RunParts
let database: TestDatabase
let prisma: Prisma
let wakeUp: WakeUp
let hub: Hub
let owner: RunOwner
let loader: RunLoader
beforeAll(async () => {
  parts = await openRunParts()
  ;({ database, prisma, wakeUp, hub, owner } = parts)
  loader = createRunLoader(prisma)
})
afterAll(() => parts[Symbol.asyncDispose]())

const now = (): Date => new Date()
const start = (runId: string) =>
  transition({ prisma, wakeUp, now }, { runId, from: 'PENDING', to: 'RUNNING' })
const progress = (runId: string) =>
  transition({ prisma, wakeUp, now }, { runId, from: 'RUNNING', to: 'RUNNING' })
const end = (runId: string) => transition({ prisma, wakeUp, now }, { runId, from: 'RUNNING', to: 'CANCELED' })

const connectionsOf = (applicationName: string): Promise<{ pid: number }[]> =>
  database.query(
    'select pid from pg_stat_activity where datname = current_database() and application_name = $1',
    [applicationName],
  )

test('a change between the start of listening and the first look at the run is not lost', async () => {
  const { id } = await insertRun(prisma, owner, { status: 'RUNNING' })
  const states = followRun(
    {
      hub,
      runLoader: {
        load: async (runId) => {
          const run = await loader.load(runId)
          // The run is changed when it was read already and nobody waits for its mail yet.
          if (run?.status === 'RUNNING') await end(runId)
          return run
        },
      },
    },
    owner,
    id,
  )
  const seen: string[] = []
  for await (const { status } of states) seen.push(status)
  expect(seen).toEqual(['RUNNING', 'CANCELED'])
})

test('a slow reader gets the newest state once, and the end', async () => {
  const { id } = await insertRun(prisma, owner)
  const states = followRun({ hub, runLoader: loader }, owner, id)
  expect((await states.next()).value).toMatchObject({ status: 'PENDING', version: 1 })
  await start(id)
  for (let i = 0; i < 5; i++) await progress(id)
  await end(id)
  expect((await states.next()).value).toMatchObject({ status: 'CANCELED', version: 8 })
  expect(await states.next()).toEqual({ done: true, value: undefined })
})

test('changes made at the same time in many transactions reach all who follow', async () => {
  const runs = await Promise.all(Array.from({ length: 40 }, () => insertRun(prisma, owner)))
  const followers = runs.map(async ({ id }) => {
    const versions: number[] = []
    for await (const { version } of followRun({ hub, runLoader: loader }, owner, id)) versions.push(version)
    return versions
  })
  await Promise.all(
    runs.map(async ({ id }) => {
      await start(id)
      await end(id)
    }),
  )
  for (const versions of await Promise.all(followers)) {
    expect(versions.at(-1)).toBe(3)
    expect(versions).toEqual(versions.toSorted((a, b) => a - b))
  }
})

test('who leaves while nothing happens leaves nothing behind', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  // Another one stays, so that the account's log goes on being read.
  const staying = new AbortController()
  const { id } = await insertRun(prisma, owner)
  const kept = await hub.subscribe(owner, id, staying.signal)
  const leave = async (): Promise<WeakRef<object>> => {
    const leaving = new AbortController()
    const mailbox = await hub.subscribe(owner, id, leaving.signal)
    const taken = mailbox.take()
    leaving.abort()
    expect(await taken).toBeNull()
    return new WeakRef(mailbox)
  }
  const left = await Promise.all(Array.from({ length: 20 }, leave))
  await vi.waitFor(() => {
    collectGarbage()
    expect(left.filter((mailbox) => mailbox.deref())).toEqual([])
  })
  await start(id)
  expect(await kept.take()).toMatchObject({ runId: id, toStatus: 'RUNNING' })
  staying.abort()
})

test('who leaves while Postgres does not answer leaves nothing behind', async () => {
  const { id } = await insertRun(prisma, { ...owner, livemode: true })
  const viewer = { ...owner, livemode: true }
  const pool = createPool({ url: database.url, max: 1, applicationName: 'lock', onError: () => {} })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  const lock = await pool.connect()
  await lock.query('begin')
  await lock.query('lock table event_log_heads in access exclusive mode')
  const states = followRun({ hub, runLoader: loader }, viewer, id)
  const first = states.next()
  await vi.waitFor(async () =>
    expect(
      await database.query(
        "select from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'test'",
      ),
    ).toHaveLength(1),
  )
  const left = states.return?.(undefined)
  await lock.query('commit')
  lock.release()
  await left
  await first

  using sent = noteStatements()
  wakeUp.notify(viewer)
  const { id: other } = await insertRun(prisma, owner, { status: 'RUNNING' })
  const states2 = followRun({ hub, runLoader: loader }, owner, other)
  await states2.next()
  await end(other)
  await states2.next()
  const reads = sent.statements().filter(({ text }) => /^select.*report_run_events/i.test(text))
  expect(reads.length).toBeGreaterThan(0)
  expect(reads.filter(({ values }) => values.includes(true))).toEqual([])
})

test('listening works again after the log could not be read', async () => {
  const viewer = { ...owner, livemode: true }
  const { id } = await insertRun(prisma, viewer, { status: 'RUNNING' })
  await database.query('alter table event_log_heads rename to hidden')
  const failing = [1, 2].map(() => hub.subscribe(viewer, id, new AbortController().signal))
  const outcomes = await Promise.allSettled(failing)
  await database.query('alter table hidden rename to event_log_heads')
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const states = followRun({ hub, runLoader: loader }, viewer, id)
  await states.next()
  await end(id)
  expect((await states.next()).value).toMatchObject({ status: 'CANCELED' })
})

test('an event whose wake-up was lost is found all the same', async () => {
  const deaf = createHub(prisma, { ...wakeUp, onWake: () => {} }, parts.log)
  try {
    const { id } = await insertRun(prisma, owner, { status: 'RUNNING' })
    const mailbox = await deaf.subscribe(owner, id, new AbortController().signal)
    await end(id)
    expect(await mailbox.take()).toMatchObject({ runId: id, toStatus: 'CANCELED' })
  } finally {
    deaf.stop()
  }
})

test('a wake-up connection that broke is made anew, and asks everyone to look', async () => {
  const pool = createPool({ url: database.url, max: 1, applicationName: 'wake-up test', onError: () => {} })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  const own = await startWakeUp(database.url, pool, parts.log)
  const woken: (string | null)[] = []
  own.onWake((who) => woken.push(who?.accountId ?? null))
  const wakeUps = await connectionsOf('report-gateway wake-up')
  await database.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [
    wakeUps.map(({ pid }) => pid),
  ])
  await vi.waitFor(() => expect(woken).toEqual([null]), 5_000)
  own.notify(owner)
  await vi.waitFor(() => expect(woken).toContain(owner.accountId), 5_000)
  await own.stop()
})

test('to stop while the wake-up connection is being made anew leaves no connection', async () => {
  const { length: before } = await connectionsOf('report-gateway wake-up')
  const pool = createPool({ url: database.url, max: 1, applicationName: 'wake-up test', onError: () => {} })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  for (let i = 0; i < 10; i++) {
    const known = await connectionsOf('report-gateway wake-up')
    const own = await startWakeUp(database.url, pool, parts.log)
    const all = await connectionsOf('report-gateway wake-up')
    const mine = all.filter(({ pid }) => !known.some((other) => other.pid === pid))
    expect(mine).toHaveLength(1)
    await database.query('select pg_terminate_backend($1)', [mine[0]?.pid])
    for (let turns = 0; turns < i; turns++) await new Promise(setImmediate)
    await own.stop()
  }
  await vi.waitFor(async () => expect(await connectionsOf('report-gateway wake-up')).toHaveLength(before))
})
