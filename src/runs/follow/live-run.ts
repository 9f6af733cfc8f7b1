import { idPrefixes, isId } from '../../ids.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { onBehalfOf } from '../../request-context.ts'
import type { Viewer } from '../../tenant.ts'
import { isFinal } from '../lifecycle/transition.ts'
import { isVisibleTo } from '../list/find-run.ts'
import { type Delivery, type Render, type Sink, sendAlone } from './delivery.ts'
import { type FollowRunServices, retryRun, runNotFound, subscribeToRun } from './follow-run.ts'
import { createLiveGroup, type LiveGroup } from './live-group.ts'
import type { Shared, Sharing, Use } from './shared.ts'

/** Subscriptions to one run with equal messages. */
export type LiveRun = {
  group: LiveGroup<ReportRun>
  /** The version that was sent last to the members; 0 before the first one, and in another history of the log. */
  sent: { version: number; history: number }
}

type LiveServices = FollowRunServices & { live: { runs: Shared<LiveRun> } }

/**
 * Sends the same states as `followRun` yields, and shares the work with the other subscriptions of its group: after its first
 * message, the group sends the states to all its members. A member that falls behind reads the newest state by itself.
 *
 * @throws NotFoundError when the viewer has no such run
 */
export function deliverRun(
  services: LiveServices,
  viewer: Viewer,
  id: string,
  { group: key, createRender, sink }: Delivery<ReportRun>,
  signal: AbortSignal,
): Promise<void> {
  // Runs are loaded in batches: an id that Postgres cannot store would fail the whole batch.
  if (!isId(id, idPrefixes.reportRun)) return Promise.reject(runNotFound(id))
  const open = (sharing: Sharing) => openLiveRun(services, viewer, id, createRender(sharing.signal), sharing)
  // Not awaited here, so that a waiting subscription does not keep what only the first one of a group needs.
  return sendStates(services.live.runs.enter(key, signal, open), services, viewer, id, sink, signal)
}

/** Sends the states of the run, alone or in the group, until the final one is sent. */
async function sendStates(
  { value, leave }: Use<LiveRun>,
  services: FollowRunServices,
  viewer: Viewer,
  id: string,
  sink: Sink,
  signal: AbortSignal,
): Promise<void> {
  try {
    const live = await value
    let history: number | null = null
    let last: ReportRun | null = null
    while (!signal.aborted && !(last && isFinal(last.status))) {
      // The state is read when the client can take it, so that it is the newest one.
      await sink.whenReady()
      const isOtherHistory = history !== live.sent.history
      history = live.sent.history
      const run = await retryRun(services, signal, () => services.runLoader.load(id))
      if (!isVisibleTo(run, viewer)) throw runNotFound(id)
      if (isOtherHistory || run.version > (last?.version ?? 0)) {
        await sendAlone(await live.group.render(run), sink, signal)
        last = run
      }
      last = await waitInGroup(live, history, sink, last ?? run, signal)
    }
  } finally {
    leave()
  }
}

/** Waits while the group sends the states of the run, and returns the one that was sent last. */
function waitInGroup(
  { group, sent }: LiveRun,
  history: number,
  sink: Sink,
  from: ReportRun,
  signal: AbortSignal,
): Promise<ReportRun> {
  let last = from
  return new Promise((resolve, reject) => {
    const member = {
      sink,
      accepts: (run: ReportRun): boolean => {
        if (run.version <= last.version) return false
        last = run
        return true
      },
      left: (failure?: unknown): void => {
        signal.removeEventListener('abort', leave)
        if (failure === undefined) resolve(last)
        else reject(failure)
      },
    }
    const leave = (): void => group.leave(member)
    signal.addEventListener('abort', leave)
    group.join(member)
    // The group may have sent a newer state to the others while this one was read.
    const isBehind = history !== sent.history || sent.version > last.version
    if (isBehind || isFinal(last.status) || signal.aborted) leave()
  })
}

async function openLiveRun(
  services: FollowRunServices,
  viewer: Viewer,
  id: string,
  render: Render<ReportRun>,
  { signal, users, forget }: Sharing,
): Promise<LiveRun> {
  const latest = await subscribeToRun(services, viewer, id, signal, users)
  const live = { group: createLiveGroup(viewer.accountId, render), sent: { version: 0, history: 0 } }
  onBehalfOf(viewer, () => sendLive(services, viewer, live, latest, signal)).catch((error: unknown) => {
    forget()
    live.group.fail(error)
  })
  return live
}

/** Sends each new state of the run to the members of the group, until the signal aborts. */
async function sendLive(
  services: FollowRunServices,
  viewer: Viewer,
  { group, sent }: LiveRun,
  latest: Awaited<ReturnType<typeof subscribeToRun>>,
  signal: AbortSignal,
): Promise<void> {
  while (true) {
    const entry = await latest.take()
    if (entry === null) return
    const run = entry === 'CHANGED_HISTORY' ? null : await retryRun(services, signal, entry.run)
    if (run && isVisibleTo(run, viewer)) {
      // The members that join from now on must have this version.
      sent.version = run.version
      await group.send(run)
    }
    if (entry === 'CHANGED_HISTORY') {
      sent.version = 0
      sent.history++
    }
    // Each member reads the state by itself, and ends as it does alone.
    if (!run || !isVisibleTo(run, viewer) || isFinal(run.status)) group.leaveAll()
  }
}
