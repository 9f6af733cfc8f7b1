import { onBehalfOf } from '../../request-context.ts'
import type { Viewer } from '../../tenant.ts'
import { type Delivery, type Render, type Sink, sendAlone } from './delivery.ts'
import type { EventCursor } from './event-log.ts'
import {
  type FollowEventsOptions,
  type FollowServices,
  follow,
  followLog,
  loadRunEvent,
  type Subscription,
  subscribeTo,
} from './follow-run-events.ts'
import type { LogFollower } from './hub.ts'
import { createLiveGroup, type LiveGroup } from './live-group.ts'
import type { RunEvent } from './run-event.ts'
import type { Shared, Sharing, Use } from './shared.ts'
import type { LogEntry } from './topic.ts'

/** Subscriptions to the events of one log with equal messages. */
export type LiveEvents = {
  follower: LogFollower
  group: LiveGroup<RunEvent>
  /** All events of this history of the log up to the cursor are sent to the members. */
  sent: { cursor: EventCursor; history: number }
}

type LiveServices = FollowServices & { live: { events: Shared<LiveEvents> } }

/**
 * Sends the same events as `followRunEvents` yields, and shares the work with the other subscriptions of its group: at the end
 * of the log, the group sends the events of all its members. A member that falls behind reads on by itself.
 */
export function deliverRunEvents(
  services: LiveServices,
  viewer: Viewer,
  options: FollowEventsOptions,
  { group: key, createRender, sink }: Delivery<RunEvent>,
  signal: AbortSignal,
): Promise<void> {
  const open = (sharing: Sharing) =>
    openLiveEvents(services, viewer, options, createRender(sharing.signal), sharing)
  // Not awaited here, so that a waiting subscription does not keep what only the first one of a group needs.
  return sendEvents(services.live.events.enter(key, signal, open), services, viewer, options, sink, signal)
}

async function sendEvents(
  { value, leave }: Use<LiveEvents>,
  services: FollowServices,
  viewer: Viewer,
  options: FollowEventsOptions,
  sink: Sink,
  signal: AbortSignal,
): Promise<void> {
  try {
    const live = await value
    const subscription = subscribeTo(live.follower, services, viewer, options, signal)
    const wait = (cursor: EventCursor) => waitInGroup(live, subscription, sink, cursor)
    for await (const runEvent of follow(subscription, options.after, wait)) {
      await sendAlone(await live.group.render(runEvent), sink, signal)
    }
  } finally {
    leave()
  }
}

/** Waits at a cursor while the group sends what follows, and returns the cursor after which the subscription reads on. */
function waitInGroup(
  { follower, group, sent }: LiveEvents,
  { signal, isShown }: Subscription,
  sink: Sink,
  from: EventCursor,
): Promise<EventCursor> {
  const history = follower.history()
  let cursor = from
  return new Promise((resolve, reject) => {
    const member = {
      sink,
      accepts: (runEvent: RunEvent): boolean => {
        if (runEvent.cursor.position <= cursor.position || history !== sent.history) return false
        cursor = runEvent.cursor
        return isShown(runEvent)
      },
      left: (failure?: unknown): void => {
        signal.removeEventListener('abort', leave)
        const isAhead = history === sent.history && sent.cursor.position > cursor.position
        if (failure === undefined) resolve(isAhead ? sent.cursor : cursor)
        else reject(failure)
      },
    }
    const leave = (): void => group.leave(member)
    signal.addEventListener('abort', leave)
    group.join(member)
    if (signal.aborted) leave()
  })
}

async function openLiveEvents(
  services: FollowServices,
  viewer: Viewer,
  options: FollowEventsOptions,
  render: Render<RunEvent>,
  { signal, users, forget }: Sharing,
): Promise<LiveEvents> {
  const follower = await followLog(services, viewer, signal, users)
  const group = createLiveGroup(viewer.accountId, render)
  const live = { follower, group, sent: { cursor: follower.end(), history: follower.history() } }
  const subscription = subscribeTo(follower, services, viewer, options, signal)
  onBehalfOf(viewer, () => sendLive(live, subscription)).catch((error: unknown) => {
    forget()
    group.fail(error)
  })
  return live
}

/** Sends each new event of the log to the members of the group, until the signal aborts. */
async function sendLive(live: LiveEvents, subscription: Subscription): Promise<void> {
  const { follower, group, sent } = live
  while (!subscription.signal.aborted) {
    const entries = subscription.read(sent.cursor.position)
    if (entries === 'lagged') {
      // Each member compares its cursor with the log.
      group.leaveAll()
      sent.cursor = follower.end()
      sent.history = follower.history()
    } else if (entries.length === 0) {
      await follower.wait()
    } else {
      for (const entry of entries) await sendEntry(live, subscription, entry)
    }
  }
}

async function sendEntry({ group, sent }: LiveEvents, subscription: Subscription, entry: LogEntry) {
  const runEvent = group.size() > 0 ? await loadRunEvent(subscription, entry) : null
  if (runEvent) await group.send(runEvent)
  sent.cursor = entry.cursor
}
