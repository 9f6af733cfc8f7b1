import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey } from '../../../src/auth/api-keys.ts'
import { idPrefixes, newId } from '../../../src/ids.ts'
import type { ReportRun } from '../../../src/postgres/generated/prisma/client.ts'
import type { EventCursor } from '../../../src/runs/follow/event-log.ts'
import { cursorAfter, readEvents } from '../../../src/runs/follow/event-log.ts'
import { followRunEvents } from '../../../src/runs/follow/follow-run-events.ts'
import type { LogFollower } from '../../../src/runs/follow/hub.ts'
import { pruneEvents } from '../../../src/runs/follow/prune-events.ts'
import { readRunEvents } from '../../../src/runs/follow/read-run-events.ts'
import type { RunEvent } from '../../../src/runs/follow/run-event.ts'
import { createRunVersions } from '../../../src/runs/follow/run-versions.ts'
import type { LogEntry } from '../../../src/runs/follow/topic.ts'
import { transition } from '../../../src/runs/lifecycle/transition.ts'
import type { RunScope } from '../../../src/runs/list/filter.ts'
import { createRunLoader, type RunLoader } from '../../../src/runs/list/find-run.ts'
import type { Services } from '../../../src/runs/services.ts'
import { insertRun, type RunOwner } from '../../support/insert-run.ts'
import { openRunParts, type RunParts } from '../../support/run-parts.ts'
import { noteStatements } from '../../support/sent-statements.ts'

let parts: RunParts
let deps: Pick<Services, 'prisma' | 'rows' | 'hub' | 'logger' | 'now' | 'runLoader' | 'metrics'>
beforeAll(async () => {
  parts = await openRunParts()
  const { prisma, rows, hub, logger, metrics } = parts
  deps = { prisma, rows, hub, logger, metrics, now, runLoader: createRunLoader(rows) }
})
afterAll(() => parts[Symbol.asyncDispose]())

function now(): Date {
  return new Date()
}
const all: RunScope = { kind: 'all' }

/** Creates an account whose log is empty. */
async function createOwner(): Promise<RunOwner> {
  const accountId = newId(idPrefixes.account, now())
  await parts.prisma.account.create({ data: { id: accountId, name: 'Test' } })
  const { apiKey } = await createApiKey(parts.prisma, { accountId, livemode: false, name: 'Test' })
  return { accountId, livemode: false, apiKeyId: apiKey.id }
}

function progress(runId: string) {
  return transition({ ...parts, now }, { runId, from: 'RUNNING', to: 'RUNNING' })
}
function start(runId: string) {
  return transition({ ...parts, now }, { runId, from: 'PENDING', to: 'RUNNING' })
}
function end(runId: string) {
  return transition({ ...parts, now }, { runId, from: 'RUNNING', to: 'SUCCEEDED' })
}

function positionsOf(received: readonly RunEvent[]): bigint[] {
  return received.map(({ cursor }) => cursor.position)
}

/** The positions that a reader receives that disconnects after `sessions[i]` events each time, and resumes. */
async function readInSessions(owner: RunOwner, sessions: number[], expected: number): Promise<bigint[]> {
  const seen: bigint[] = []
  let after: EventCursor = { position: 0n, snapshotsAfter: null }
  for (const length of [...sessions, Number.POSITIVE_INFINITY]) {
    const enough = Math.min(expected, seen.length + length)
    if (seen.length === expected) break
    for await (const received of followRunEvents(deps, owner, { scope: all, after, progressInterval: 0 })) {
      seen.push(received.cursor.position)
      after = received.cursor
      if (seen.length === enough) break
    }
  }
  return seen
}

type Step = 'start' | 'progress' | 'end'

/** The events of one run after its creation. */
const life = fc
  .integer({ min: 0, max: 4 })
  .map((count): Step[] => ['start', ...Array.from({ length: count }, (): Step => 'progress'), 'end'])

test('readers that disconnect and resume during concurrent transactions receive every event once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(life, { minLength: 1, maxLength: 5 }),
      // For each reader, the number of events after which it disconnects, by session.
      fc.array(fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      async (lives, readers) => {
        const owner = await createOwner()
        const runs = await Promise.all(lives.map(() => insertRun(parts.prisma, owner)))
        const expected = lives.reduce((sum, steps) => sum + steps.length, 0)
        const steps = { start, progress, end }
        const writing = Promise.all(
          runs.map(async ({ id }, index) => {
            for (const step of lives[index] ?? []) await steps[step](id)
          }),
        )
        const histories = await Promise.all(
          readers.map((sessions) => readInSessions(owner, sessions, expected)),
        )
        await writing
        const inOrder = Array.from({ length: expected }, (_, index) => BigInt(index + 1))
        for (const history of histories) expect(history).toEqual(inOrder)
      },
    ),
    { numRuns: 25 },
  )
}, 60_000)

test('a reader that lags behind the entries in memory reads the log itself, and misses nothing', async () => {
  const owner = await createOwner()
  const { id } = await insertRun(parts.prisma, owner)
  await start(id)
  const stream = followRunEvents(deps, owner, {
    scope: all,
    after: { position: 0n, snapshotsAfter: null },
    progressInterval: 0,
  })
  expect((await stream.next()).value?.cursor.position).toBe(1n)
  // More than a process keeps in memory, in one statement.
  const count = 1_100
  await parts.prisma.reportRunEvent.createMany({
    data: Array.from({ length: count }, (_, index) => ({
      accountId: owner.accountId,
      livemode: false,
      position: BigInt(index + 2),
      runId: id,
      runVersion: index + 3,
      kind: 'PROGRESSED' as const,
      fromStatus: 'RUNNING' as const,
      toStatus: 'RUNNING' as const,
      occurredAt: now(),
    })),
  })
  await parts.prisma.eventLogHead.updateMany({
    where: { accountId: owner.accountId },
    data: { position: BigInt(count + 1) },
  })
  await end(id)
  const seen: bigint[] = []
  for await (const { cursor } of stream) {
    seen.push(cursor.position)
    if (cursor.position === BigInt(count + 2)) break
  }
  expect(seen).toEqual(Array.from({ length: count + 1 }, (_, index) => BigInt(index + 2)))
})

test('a reader that disconnects between snapshots resumes with the remaining ones', async () => {
  const owner = await createOwner()
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push((await insertRun(parts.prisma, owner)).id)
  ids.sort()
  const seen: string[] = []
  let after: EventCursor | null = null
  while (seen.length < ids.length) {
    for await (const received of followRunEvents(deps, owner, { scope: all, after, progressInterval: 0 })) {
      after = received.cursor
      if (received.kind === 'SNAPSHOT') seen.push(received.run.id)
      break
    }
  }
  expect(seen).toEqual(ids)
})

test('a cursor older than the log returns a reset, then the live runs, then new events', async () => {
  const owner = await createOwner()
  const [old, live] = [await insertRun(parts.prisma, owner), await insertRun(parts.prisma, owner)]
  for (const { id } of [old, live]) await start(id)
  await end(old.id)
  await parts.prisma.reportRunEvent.updateMany({
    where: { accountId: owner.accountId },
    data: { occurredAt: new Date('2020-01-01') },
  })
  await pruneEvents(parts.prisma, new Date('2021-01-01'), new AbortController().signal)
  const after = { position: 1n, snapshotsAfter: null }
  const stream = followRunEvents(deps, owner, { scope: all, after, progressInterval: 0 })
  expect((await stream.next()).value).toMatchObject({ kind: 'RESET', oldest: { position: 3n } })
  expect((await stream.next()).value).toMatchObject({ kind: 'SNAPSHOT', run: { id: live.id } })
  const next = stream.next()
  await end(live.id)
  expect((await next).value).toMatchObject({ event: { runId: live.id, toStatus: 'SUCCEEDED' } })
  await stream.return?.()
  // The same for polling, with all runs and with one run.
  for (const scope of [all, { kind: 'run', id: live.id } as const]) {
    const page = await readRunEvents(deps, owner, scope, after, 10)
    expect(page.events.map(({ kind }) => kind)).toEqual(
      scope.kind === 'all' ? ['RESET'] : ['RESET', 'SNAPSHOT'],
    )
    expect(page).toMatchObject({ end: { position: 4n, snapshotsAfter: null }, hasMore: false })
  }
})

test('the log has no gap after pruning, although clocks differ', async () => {
  const owner = await createOwner()
  const { id } = await insertRun(parts.prisma, owner)
  await start(id)
  for (let i = 0; i < 5; i++) await progress(id)
  const times = ['2020', '2020', '2022', '2020', '2022', '2022']
  for (const [index, year] of times.entries()) {
    await parts.prisma.reportRunEvent.updateMany({
      where: { accountId: owner.accountId, position: BigInt(index + 1) },
      data: { occurredAt: new Date(`${year}-01-01`) },
    })
  }
  expect(await pruneEvents(parts.prisma, new Date('2021-01-01'), new AbortController().signal)).toBe(2)
  const page = await readRunEvents(deps, owner, all, null, 10)
  expect(positionsOf(page.events)).toEqual([3n, 4n, 5n, 6n])
  // A reader of the last pruned event has missed nothing.
  const exact = await readRunEvents(deps, owner, all, { position: 2n, snapshotsAfter: null }, 10)
  expect(positionsOf(exact.events)).toEqual([3n, 4n, 5n, 6n])
})

/** Adds `count` events of 2020, and then one of 2022. */
async function addEvents(owner: RunOwner, count: number): Promise<void> {
  const { id } = await insertRun(parts.prisma, owner)
  const { accountId, livemode } = owner
  await parts.database.query(
    `insert into report_run_events (account_id, livemode, position, run_id, run_version, kind, to_status, occurred_at)
    select $1, $2, n, $3, n, 'PROGRESSED', 'RUNNING', case when n <= $4 then '2020-01-01' else '2022-01-01' end::timestamptz
    from generate_series(1, $4 + 1) as n`,
    [accountId, livemode, id, count],
  )
  await parts.prisma.eventLogHead.create({ data: { accountId, livemode, position: BigInt(count + 1) } })
}
function countEvents({ accountId }: RunOwner): Promise<number> {
  return parts.prisma.reportRunEvent.count({ where: { accountId } })
}
const in2021 = new Date('2021-01-01')

test('any number of events is pruned, from the front of each log and with its index', async () => {
  const owner = await createOwner()
  await addEvents(owner, 12_000)
  await parts.database.query('analyze report_run_events')
  using noted = noteStatements()
  expect(await pruneEvents(parts.prisma, in2021, new AbortController().signal)).toBe(12_000)
  expect(await countEvents(owner)).toBe(1)

  const statements = noted.statements().filter(({ text }) => text.includes('report_run_events'))
  const [{ text, values } = { text: '', values: [] }] = statements.filter(({ values }) =>
    values.includes(owner.accountId),
  )
  // Explain the statement for another log of the same size, which is now most of the table.
  const other = await createOwner()
  await addEvents(other, 12_000)
  await parts.database.query('analyze report_run_events')
  const plan = await parts.database.query(
    `explain ${text}`,
    values.map((value) => (value === owner.accountId ? other.accountId : value)),
  )
  expect(JSON.stringify(plan)).toContain('Index Scan')
  expect(JSON.stringify(plan)).not.toContain('Seq Scan on report_run_events')
})

test('a log that cannot be pruned does not block the others, and the error names it', async () => {
  const [first, broken, last] = [await createOwner(), await createOwner(), await createOwner()]
  for (const owner of [first, broken, last]) await addEvents(owner, 3)
  await parts.database.query(`
    create function report_gateway.refuse() returns trigger language plpgsql as
      $$ begin raise exception 'The disk is broken.'; end $$`)
  await parts.database.query(`
    create trigger refuse before delete on report_run_events for each row
    when (old.account_id = '${broken.accountId}') execute function report_gateway.refuse()`)
  const pruned = pruneEvents(parts.prisma, in2021, new AbortController().signal)
  await expect(pruned).rejects.toThrow(broken.accountId)
  await parts.database.query('drop trigger refuse on report_run_events')
  expect(await Promise.all([first, broken, last].map(countEvents))).toEqual([1, 4, 1])
  expect(await pruneEvents(parts.prisma, in2021, new AbortController().signal)).toBe(3)
})

test('an aborted signal stops pruning before the next log', async () => {
  const owners = [await createOwner(), await createOwner()]
  for (const owner of owners) await addEvents(owner, 3)
  using noted = noteStatements()
  expect(await pruneEvents(parts.prisma, in2021, AbortSignal.abort())).toBe(0)
  const statements = noted.statements().filter(({ text }) => text.includes('report_run_events'))
  expect(statements).toEqual([])
  expect(await Promise.all(owners.map(countEvents))).toEqual([4, 4])
})

test('updates of a deleted run are no longer delivered', async () => {
  const owner = await createOwner()
  const { id } = await insertRun(parts.prisma, owner)
  await start(id)
  await end(id)
  const stay = { runId: id, from: 'SUCCEEDED', to: 'SUCCEEDED' } as const
  await transition({ ...parts, now }, { ...stay, kind: 'UPDATED', data: { label: 'New' } })
  const deliveredKinds = async () => {
    const { events } = await readRunEvents(deps, owner, all, { position: 0n, snapshotsAfter: null }, 10)
    return events.map((received) => (received.kind === 'CHANGED' ? received.event.kind : received.kind))
  }
  expect(await deliveredKinds()).toEqual(['STATUS_CHANGED', 'STATUS_CHANGED', 'UPDATED'])
  await transition({ ...parts, now }, { ...stay, kind: 'DELETED', data: { deletedAt: now() } })
  expect(await deliveredKinds()).toEqual(['STATUS_CHANGED', 'STATUS_CHANGED', 'DELETED'])
})

test('a cursor beyond the end of the log, after a restored backup, returns a reset', async () => {
  const owner = await createOwner()
  const { id } = await insertRun(parts.prisma, owner)
  await start(id)
  const page = await readRunEvents(deps, owner, all, { position: 7n, snapshotsAfter: null }, 10)
  expect(page.events.map(({ kind }) => kind)).toEqual(['RESET', 'SNAPSHOT'])
})

test('a full page with the last events of a scope has no next page, although events of other runs follow', async () => {
  const owner = await createOwner()
  const { id } = await insertRun(parts.prisma, owner, { tags: ['a'] })
  const { id: otherId } = await insertRun(parts.prisma, owner)
  await start(id)
  await end(id)
  await start(otherId)
  await progress(otherId)
  const scopes: RunScope[] = [
    { kind: 'run', id },
    { kind: 'filter', filter: { anyTags: ['a'] } },
  ]
  for (const scope of scopes) {
    const [full, one] = [
      await readRunEvents(deps, owner, scope, null, 2),
      await readRunEvents(deps, owner, scope, null, 1),
    ]
    expect(positionsOf(full.events)).toEqual([1n, 2n])
    expect(full).toMatchObject({ end: { position: 4n }, hasMore: false })
    expect(positionsOf(one.events)).toEqual([1n])
    expect(one).toMatchObject({ end: { position: 1n }, hasMore: true })
  }
  const pages = [
    await readRunEvents(deps, owner, all, null, 3),
    await readRunEvents(deps, owner, all, null, 4),
  ]
  expect(pages.map(({ hasMore }) => hasMore)).toEqual([true, false])
})

test('a small page searches up to 1,000 events with few statements', async () => {
  const owner = await createOwner()
  await addEvents(owner, 1_500)
  using noted = noteStatements()
  const scope = { kind: 'filter', filter: { anyTags: ['none'] } } as const
  const page = await readRunEvents(deps, owner, scope, null, 1)
  expect(page).toMatchObject({ events: [], end: { position: 1_000n }, hasMore: true })
  const reads = noted
    .statements()
    // The end of the log is read with its newest event.
    .filter(({ text }) => text.includes('report_run_events') && !text.includes('event_log_heads'))
  expect(reads.length).toBeLessThan(20)
  const rest = await readRunEvents(deps, owner, scope, page.end, 1)
  expect(rest).toMatchObject({ events: [], end: { position: 1_501n }, hasMore: false })
})

test('progress is throttled, and every change of status is delivered', async () => {
  const owner = await createOwner()
  const { id } = await insertRun(parts.prisma, owner)
  await start(id)
  for (let i = 0; i < 6; i++) await progress(id)
  await end(id)
  const at = new Date('2026-01-01T00:00:00Z').getTime()
  for (let position = 1; position <= 8; position++) {
    await parts.prisma.reportRunEvent.updateMany({
      where: { accountId: owner.accountId, position: BigInt(position) },
      data: { occurredAt: new Date(at + position * 250) },
    })
  }
  const received: string[] = []
  const options = { scope: all, after: { position: 0n, snapshotsAfter: null }, progressInterval: 500 }
  for await (const event of followRunEvents(deps, owner, options)) {
    if (event.kind === 'CHANGED') received.push(`${event.cursor.position} ${event.event.kind}`)
    if (event.cursor.position === 8n) break
  }
  expect(received).toEqual([
    '1 STATUS_CHANGED',
    '2 PROGRESSED',
    '4 PROGRESSED',
    '6 PROGRESSED',
    '8 STATUS_CHANGED',
  ])
})

test('no run is shown in an older version when a reader switches from the log to the entries in memory', async () => {
  const owner = await createOwner()
  const { id } = await insertRun(parts.prisma, owner)
  await start(id)
  const older: ReportRun[] = []
  const runLoader: RunLoader = {
    load: async (runId) => {
      // The run progresses just after the reader has read the log, and other readers have loaded it in between.
      for (let i = older.length; i < 2; i++) {
        const changed = await progress(runId)
        if (changed) older.push(changed)
      }
      return parts.prisma.reportRun.findUnique({ where: { id: runId } })
    },
  }
  let entries: LogEntry[] = []
  const follower: LogFollower = {
    versions: createRunVersions(),
    end: () => ({ position: 1n, snapshotsAfter: null, anchor: { epoch: '', print: null } }),
    history: () => 0,
    newestRun: () => undefined,
    reader: () => (position) => entries.filter(({ event }) => event.position > position),
    wait: async () => {
      entries = (await readEvents(parts.rows, owner, 1n, 10)).map((event, index) => ({
        event,
        cursor: cursorAfter(event, ''),
        run: async () => older[index] ?? null,
      }))
    },
  }
  const hub = { ...parts.hub, follow: async () => follower }
  const after = { position: 0n, snapshotsAfter: null }
  const versions: (number | undefined)[] = []
  const received = followRunEvents({ ...deps, hub, runLoader }, owner, {
    scope: all,
    after,
    progressInterval: 0,
  })
  for await (const event of received) {
    if (event.kind === 'CHANGED') versions.push(event.run?.version)
    if (versions.length === 3) break
  }
  expect(versions).toEqual([4, 4, 4])
})
