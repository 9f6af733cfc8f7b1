import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

export type SeenEvent = {
  status: string
  /** When it arrived, by the clock of `performance.now`. */
  at: number
  /** Milliseconds from the time of the event, just before its commit, to its arrival. */
  delay: number
}

export type RunWatch = AsyncDisposable & {
  /** The events of a run, once the last one has arrived. */
  untilEnded(runId: string): Promise<SeenEvent[]>
}

const query =
  'subscription { reportRunEvents(progressInterval: "PT0S") { occurredAt run { id status isFinal } } }'
type Delivered = {
  reportRunEvents: { occurredAt: string; run: { id: string; status: string; isFinal: boolean } | null }
}

/** Watches all runs of an account over a WebSocket. */
export async function watchRuns(url: string, key: string): Promise<RunWatch> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    lazy: false,
  })
  const seen = new Map<string, SeenEvent[]>()
  const ended = new Map<string, PromiseWithResolvers<SeenEvent[]>>()
  const endOf = (id: string): PromiseWithResolvers<SeenEvent[]> => {
    const known = ended.get(id) ?? Promise.withResolvers<SeenEvent[]>()
    ended.set(id, known)
    return known
  }
  const receive = ({ occurredAt, run }: Delivered['reportRunEvents']): void => {
    if (!run) return
    const at = performance.now()
    const events = seen.get(run.id) ?? []
    seen.set(run.id, events)
    events.push({ status: run.status, at, delay: performance.timeOrigin + at - Date.parse(occurredAt) })
    if (run.isFinal) endOf(run.id).resolve(events)
  }
  client.subscribe<Delivered>(
    { query },
    { next: ({ data }) => data && receive(data.reportRunEvents), error: () => {}, complete: () => {} },
  )
  // No message says that the subscription is active.
  await delay(500)
  return {
    untilEnded: async (runId) => {
      const events = await Promise.race([endOf(runId).promise, delay(30_000, null, { ref: false })])
      if (!events) throw new Error(`The end of the run ${runId} has not arrived.`)
      return events
    },
    [Symbol.asyncDispose]: async () => client.dispose(),
  }
}
