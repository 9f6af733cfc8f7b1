import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { idPrefixes, newId } from '../../../src/ids.ts'
import { noMetrics } from '../../../src/metrics.ts'
import { createPool, type Prisma } from '../../../src/postgres/client.ts'
import type { WakeUp } from '../../../src/postgres/notify.ts'
import type { ReadRows } from '../../../src/postgres/rows.ts'
import { followRun } from '../../../src/runs/follow/follow-run.ts'
import { createHub, type Hub } from '../../../src/runs/follow/hub.ts'
import { recordChange, transition } from '../../../src/runs/lifecycle/transition.ts'
import { createRunLoader, type RunLoader } from '../../../src/runs/list/find-run.ts'
import type { TestDatabase } from '../../support/database.ts'
import { insertRun, type RunOwner } from '../../support/insert-run.ts'
import { openRunParts, type RunParts } from '../../support/run-parts.ts'
import { noteStatements } from '../../support/sent-statements.ts'

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
  loader = createRunLoader(parts.rows)
})
afterAll(() => parts[Symbol.asyncDispose]())

function now(): Date {
  return new Date()
}
function start(runId: string) {
  return transition({ prisma, wakeUp, now, metrics: noMetrics }, { runId, from: 'PENDING', to: 'RUNNING' })
}
function progress(runId: string) {
  return transition({ prisma, wakeUp, now, metrics: noMetrics }, { runId, from: 'RUNNING', to: 'RUNNING' })
}
function end(runId: string) {
  return transition({ prisma, wakeUp, now, metrics: noMetrics }, { runId, from: 'RUNNING', to: 'CANCELED' })
}

test('a change between subscribing and loading the run is not lost', async () => {
  const { id } = await insertRun(prisma, owner, { status: 'RUNNING' })
  const states = followRun(
    {
      hub,
      logger: parts.logger,
      runLoader: {
        load: async (runId) => {
          const run = await loader.load(runId)
          // The run changes after it was loaded and before anything waits for its events.
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

test('a change that the first load has shown already is not shown again', async () => {
  const { id } = await insertRun(prisma, owner)
  let loads = 0
  const load = async (runId: string) => {
    if (loads === 0) await start(runId)
    const run = await loader.load(runId)
    loads++
    return run
  }
  const own = createHub({
    prisma,
    rows: parts.rows,
    wakeUp,
    loadRun: load,
    logger: parts.logger,
    metrics: noMetrics,
  })
  const states = followRun({ hub: own, logger: parts.logger, runLoader: { load } }, owner, id)
  expect((await states.next()).value).toMatchObject({ status: 'RUNNING', version: 2 })
  const next = states.next()
  // The event of that change has arrived, and its run was loaded.
  await vi.waitFor(() => expect(loads).toBe(2))
  await end(id)
  expect((await next).value).toMatchObject({ status: 'CANCELED', version: 3 })
  await own.stop()
})

test('a slow reader receives only the newest state, and then the end', async () => {
  const { id } = await insertRun(prisma, owner)
  const states = followRun({ hub, runLoader: loader, logger: parts.logger }, owner, id)
  expect((await states.next()).value).toMatchObject({ status: 'PENDING', version: 1 })
  await start(id)
  for (let i = 0; i < 5; i++) await progress(id)
  await end(id)
  expect((await states.next()).value).toMatchObject({ status: 'CANCELED', version: 8 })
  expect(await states.next()).toEqual({ done: true, value: undefined })
})

test('changes in many concurrent transactions reach all followers', async () => {
  const runs = await Promise.all(Array.from({ length: 40 }, () => insertRun(prisma, owner)))
  const followers = runs.map(async ({ id }) => {
    const versions: number[] = []
    for await (const { version } of followRun({ hub, runLoader: loader, logger: parts.logger }, owner, id))
      versions.push(version)
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

test('an event that is committed while the log is being read is read right after', async () => {
  const { id } = await insertRun(prisma, owner, { status: 'RUNNING' })
  const listeners: ((owner: RunOwner) => void)[] = []
  const wake = (): void => {
    for (const listener of listeners) listener(owner)
  }
  let isFirst = true
  const rows: ReadRows = async (query, planning) => {
    const found = await parts.rows<never>(query, planning)
    if (isFirst) {
      isFirst = false
      await end(id)
      wake()
    }
    return found
  }
  const own = createHub({
    prisma,
    rows,
    wakeUp: { ...wakeUp, onWake: (listener) => listeners.push(listener) },
    loadRun: loader.load,
    logger: parts.logger,
    metrics: noMetrics,
  })
  try {
    let taken: unknown = null
    const latest = await own.subscribe(owner, id, new AbortController().signal)
    wake()
    void latest.take().then((event) => {
      taken = event
    })
    // Well before the next poll of the log.
    await vi.waitFor(() => expect(taken).toMatchObject({ event: { runId: id, toStatus: 'CANCELED' } }), 2_000)
  } finally {
    await own.stop()
  }
})

test('one wake-up delivers any number of first events', async () => {
  const { apiKeyId } = owner
  const accountId = newId(idPrefixes.account, now())
  await prisma.account.create({ data: { id: accountId, name: 'Test' } })
  const empty = { accountId, livemode: false, apiKeyId }
  const listeners: ((owner: RunOwner) => void)[] = []
  const own = createHub({
    prisma,
    rows: parts.rows,
    wakeUp: { ...wakeUp, onWake: (listener) => listeners.push(listener) },
    loadRun: loader.load,
    logger: parts.logger,
    metrics: noMetrics,
  })
  // Without its polls.
  await own.stop()
  const follower = await own.follow(empty, new AbortController().signal)
  const { id } = await insertRun(prisma, empty)
  const count = 1_200
  await database.query(
    `insert into report_run_events (account_id, livemode, position, run_id, run_version, kind, to_status, occurred_at)
    select $1, false, n, $2, n, 'PROGRESSED', 'RUNNING', now() from generate_series(1, $3::integer) as n`,
    [accountId, id, count],
  )
  await prisma.eventLogHead.create({ data: { accountId, livemode: false, position: BigInt(count) } })
  for (const listener of listeners) listener(empty)
  const read = follower.reader()
  await expect.poll(() => read(BigInt(count - 1))).toHaveLength(1)
})

test('followers that are notified of another history get no page that was read before', async () => {
  const own = createHub({
    prisma,
    rows: parts.rows,
    wakeUp,
    loadRun: loader.load,
    logger: parts.logger,
    metrics: noMetrics,
  })
  const { signal } = new AbortController()
  const follower = await own.follow(owner, signal)
  const readEntries = follower.reader()
  let reads = 0
  const read = async () => {
    reads++
    return { events: [], end: follower.end(), hasMore: true }
  }
  const readPage = () => own.catchUp.read({ accountId: owner.accountId, key: 'page', signal, read })
  await readPage()
  await readPage()
  expect(reads).toBe(1)
  own.restart()
  await expect.poll(() => readEntries(follower.end().position)).toBe('lagged')
  await readPage()
  expect(reads).toBe(2)
  await own.stop()
})

test('positions of events are in the order of commits', async () => {
  const viewer = { ...owner, livemode: true }
  const [{ id: slow }, { id: fast }] = await Promise.all([
    insertRun(prisma, viewer),
    insertRun(prisma, viewer),
  ])
  const done: string[] = []
  const change = async (runId: string, also: () => Promise<unknown>): Promise<void> => {
    await prisma.$transaction(async (tx) => {
      const run = await tx.reportRun.findUniqueOrThrow({ where: { id: runId } })
      await recordChange(tx, run, { from: 'PENDING', actorId: null, at: now() })
      await also()
    })
    done.push(runId)
  }
  let fastChange = Promise.resolve()
  await change(slow, async () => {
    fastChange = change(fast, async () => {})
    const waits =
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    await vi.waitFor(async () => expect(await database.query(waits)).toHaveLength(1))
  })
  await fastChange
  expect(done).toEqual([slow, fast])
  const events = await prisma.reportRunEvent.findMany({
    where: { runId: { in: [slow, fast] } },
    orderBy: { position: 'asc' },
  })
  expect(events.map(({ runId }) => runId)).toEqual([slow, fast])
})

test('a subscriber that leaves while no event occurs is garbage-collected', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  // Another subscriber stays, so that the log of the account is still read.
  const staying = new AbortController()
  const { id } = await insertRun(prisma, owner)
  const kept = await hub.subscribe(owner, id, staying.signal)
  const leave = async (): Promise<WeakRef<object>> => {
    const leaving = new AbortController()
    const latest = await hub.subscribe(owner, id, leaving.signal)
    const taken = latest.take()
    leaving.abort()
    expect(await taken).toBeNull()
    return new WeakRef(latest)
  }
  const left = await Promise.all(Array.from({ length: 20 }, leave))
  await vi.waitFor(() => {
    collectGarbage()
    expect(left.filter((latest) => latest.deref())).toEqual([])
  })
  await start(id)
  expect(await kept.take()).toMatchObject({ event: { runId: id, toStatus: 'RUNNING' } })
  staying.abort()
})

test('the log is no longer read for a subscriber that leaves while Postgres does not respond', async () => {
  const { id } = await insertRun(prisma, { ...owner, livemode: true })
  const viewer = { ...owner, livemode: true }
  const pool = createPool({ url: database.url, max: 1, applicationName: 'lock', onError: () => {} })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  const lock = await pool.connect()
  await lock.query('begin')
  await lock.query('lock table event_log_heads in access exclusive mode')
  const states = followRun({ hub, runLoader: loader, logger: parts.logger }, viewer, id)
  const first = states.next()
  await vi.waitFor(async () =>
    expect(
      await database.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
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
  const states2 = followRun({ hub, runLoader: loader, logger: parts.logger }, owner, other)
  await states2.next()
  await end(other)
  await states2.next()
  const reads = sent.statements().filter(({ text }) => /^select.*report_run_events/i.test(text))
  expect(reads.length).toBeGreaterThan(0)
  expect(reads.filter(({ values }) => values.includes(true))).toEqual([])
})

test('following works again after a failure to read the log', async () => {
  const viewer = { ...owner, livemode: true }
  const { id } = await insertRun(prisma, viewer, { status: 'RUNNING' })
  await database.query('alter table event_log_heads rename to hidden')
  const failing = [1, 2].map(() => hub.subscribe(viewer, id, new AbortController().signal))
  const outcomes = await Promise.allSettled(failing)
  await database.query('alter table hidden rename to event_log_heads')
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const states = followRun({ hub, runLoader: loader, logger: parts.logger }, viewer, id)
  await states.next()
  await end(id)
  expect((await states.next()).value).toMatchObject({ status: 'CANCELED' })
})

test('an event whose wake-up was lost is still found', async () => {
  const deaf = createHub({
    prisma,
    rows: parts.rows,
    wakeUp: { ...wakeUp, onWake: () => {} },
    loadRun: loader.load,
    logger: parts.logger,
    metrics: noMetrics,
  })
  try {
    const { id } = await insertRun(prisma, owner, { status: 'RUNNING' })
    const latest = await deaf.subscribe(owner, id, new AbortController().signal)
    await end(id)
    expect(await latest.take()).toMatchObject({ event: { runId: id, toStatus: 'CANCELED' } })
  } finally {
    await deaf.stop()
  }
})
