import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Prisma } from '../src/postgres/client.ts'
import type { ReportRunEvent } from '../src/postgres/generated/prisma/client.ts'
import { decodeEventCursor } from '../src/runs/follow/event-log.ts'
import { isFinal } from '../src/runs/lifecycle/transition.ts'
import type { Tenant } from '../src/tenant.ts'
import type { Acknowledged } from './driver.ts'
import type { Watcher } from './watchers.ts'

/** Number of violations by kind; all 0 when everything is correct. */
export type Verdict = {
  /** Events of the log that a client did not receive. */
  lost: number
  /** Events that a client received twice. */
  repeated: number
  /** Events that a client received after a later one. */
  outOfOrder: number
  /** Runs that were delivered in an older state than their event's or than before, and progress that fell. */
  stale: number
  /** Runs with several final events, with a status event after the final one, or with another end in the table. */
  endedTwice: number
  /** Runs that did not end, and acknowledged runs that do not exist. */
  leftHanging: number
  /** Idempotency keys that created more than one run. */
  duplicated: number
  /** Files that belong to no result, and results whose file is missing. */
  strayFiles: number
}

function ownerOf(accountId: string) {
  return { accountId, livemode: false }
}

/** The position of an event in its log; null for the cursor of a snapshot. */
export function receivedPosition(owner: Tenant, cursor: string): bigint | null {
  const decoded = decodeEventCursor(owner, cursor)
  return decoded?.snapshotsAfter === null ? decoded.position : null
}

/** Counts events that arrived out of order, and states older than those that the client had already received. */
function judgeOrder({ account, history }: Watcher, events: readonly ReportRunEvent[]): Partial<Verdict> {
  const owner = ownerOf(account)
  const versions = new Map(events.map((event) => [event.position, event.runVersion]))
  const shown = new Map<string, { version: number; percent: number }>()
  let outOfOrder = 0
  let stale = 0
  let last = 0n
  for (const { cursor, run, progress } of history) {
    const position = decodeEventCursor(owner, cursor)?.position ?? -1n
    if (position < last) outOfOrder++
    last = position
    if (!run) continue
    const before = shown.get(run.id) ?? { version: 0, percent: 0 }
    const percent = progress?.percent ?? before.percent
    const expectedVersion = Math.max(before.version, versions.get(position) ?? 0)
    if (run.version < expectedVersion || percent < before.percent) stale++
    shown.set(run.id, { version: run.version, percent })
  }
  return { outOfOrder, stale }
}

/** The events that every client must receive: all except progress, and except changes of a run that was deleted later. */
function requiredEvents(events: readonly ReportRunEvent[]): ReportRunEvent[] {
  const deleted = new Set(events.filter(({ kind }) => kind === 'DELETED').map(({ runId }) => runId))
  return events.filter(
    ({ kind, runId }) => kind !== 'PROGRESSED' && !(kind === 'UPDATED' && deleted.has(runId)),
  )
}

/** Required events that a client did not receive. */
function missedBy(watcher: Watcher, events: readonly ReportRunEvent[]): ReportRunEvent[] {
  const owner = ownerOf(watcher.account)
  const received = new Set(watcher.history.map(({ cursor }) => receivedPosition(owner, cursor)))
  return requiredEvents(events).filter(({ position }) => !received.has(position))
}

function judgeWatcher(watcher: Watcher, events: readonly ReportRunEvent[]): Partial<Verdict> {
  const cursors = watcher.history.map(({ cursor }) => cursor)
  return {
    ...judgeOrder(watcher, events),
    lost: missedBy(watcher, events).length,
    repeated: cursors.length - new Set(cursors).size,
  }
}

async function judgeRuns(prisma: Prisma, events: readonly ReportRunEvent[]): Promise<Partial<Verdict>> {
  const runs = await prisma.reportRun.findMany({ include: { files: true } })
  const changes = Map.groupBy(
    events.filter(({ kind }) => kind === 'STATUS_CHANGED'),
    ({ runId }) => runId,
  )
  let endedTwice = 0
  let leftHanging = 0
  for (const run of runs) {
    const steps = changes.get(run.id) ?? []
    const finals = steps.filter(({ toStatus }) => isFinal(toStatus))
    if (finals.length === 0 || !isFinal(run.status)) leftHanging++
    else if (finals.length > 1 || steps.at(-1) !== finals[0] || finals[0]?.toStatus !== run.status)
      endedTwice++
    else if (run.deletedAt === null && run.files.length !== (run.status === 'SUCCEEDED' ? 1 : 0)) endedTwice++
  }
  return { endedTwice, leftHanging }
}

async function judgeAnswers(
  prisma: Prisma,
  acknowledged: readonly Acknowledged[],
): Promise<Partial<Verdict>> {
  const ids = new Set((await prisma.reportRun.findMany({ select: { id: true } })).map(({ id }) => id))
  return {
    duplicated: acknowledged.filter((entry) => entry.ids.size > 1).length,
    leftHanging: acknowledged.filter((entry) => [...entry.ids].some((id) => !ids.has(id))).length,
  }
}

async function judgeFiles(prisma: Prisma, dataDir: string): Promise<Partial<Verdict>> {
  const entries = await readdir(join(dataDir, 'files'), { recursive: true, withFileTypes: true })
  const stored = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name))
  const wanted = new Set((await prisma.reportFile.findMany({ select: { id: true } })).map(({ id }) => id))
  // The mark of the store belongs to no run.
  stored.delete('report-gateway-store')
  const stray = [...stored].filter((name) => !wanted.has(name))
  const missing = [...wanted].filter((name) => !stored.has(name))
  return { strayFiles: stray.length + missing.length }
}

export type Evidence = {
  prisma: Prisma
  dataDir: string
  watchers: readonly Watcher[]
  acknowledged: readonly Acknowledged[]
}

/** Compares what every client received, and which files are stored, with the log and the tables. */
export async function judge({
  prisma,
  dataDir,
  watchers,
  acknowledged,
}: Evidence): Promise<{ verdict: Verdict; missed: string[] }> {
  const events = await prisma.reportRunEvent.findMany({ orderBy: { position: 'asc' } })
  const byAccount = Map.groupBy(events, ({ accountId }) => accountId)
  const parts: Partial<Verdict>[] = [
    ...watchers.map((watcher) => judgeWatcher(watcher, byAccount.get(watcher.account) ?? [])),
    await judgeRuns(prisma, events),
    await judgeAnswers(prisma, acknowledged),
    await judgeFiles(prisma, dataDir),
  ]
  const sum = (column: keyof Verdict): number => parts.reduce((total, part) => total + (part[column] ?? 0), 0)
  const verdict: Verdict = {
    lost: sum('lost'),
    repeated: sum('repeated'),
    outOfOrder: sum('outOfOrder'),
    stale: sum('stale'),
    endedTwice: sum('endedTwice'),
    leftHanging: sum('leftHanging'),
    duplicated: sum('duplicated'),
    strayFiles: sum('strayFiles'),
  }
  const missed = watchers.flatMap((watcher) =>
    missedBy(watcher, byAccount.get(watcher.account) ?? []).map(
      ({ position, kind, runId, toStatus }) =>
        `${watcher.name} did not receive ${position}: ${kind} ${toStatus} ${runId}`,
    ),
  )
  return { verdict, missed }
}
