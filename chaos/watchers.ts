import { setTimeout as delay } from 'node:timers/promises'
import { createGraphqlClient, type GraphqlClient } from '../test/support/graphql-client.ts'
import type { Random } from './random.ts'
import { surpriseIn, surpriseOf } from './surprises.ts'

/** An event as a client received it. */
export type ReceivedEvent = {
  __typename: string
  cursor: string
  run: { id: string; version: number } | null
  progress?: { percent: number | null }
}

export type Watcher = {
  name: string
  account: string
  /** All events that it received, in order. */
  history: ReceivedEvent[]
  /** Answers that no client should receive. */
  surprises: string[]
  /** How often it reconnected. */
  reconnects(): number
  /** Stops it; its history stays. */
  stop(): Promise<void>
}

export type WatcherOptions = {
  account: string
  key: string
  /** Where gateways can be reached. */
  urls: readonly string[]
  /** Whether a proxy answers at these URLs. */
  isBehindProxy: boolean
  /** Where it starts. */
  cursor: string
  random: Random
}

/** A healthy stream is never silent for longer while events occur. */
const silenceMilliseconds = 4_000
const fields = '__typename cursor run { id version } ... on ReportRunProgressed { progress { percent } }'
const subscription = `subscription ($after: EventCursor) {
  reportRunEvents(after: $after, progressInterval: "PT0.3S") { ${fields} } }`
const query = `query ($after: EventCursor, $first: Int) {
  reportRunEvents(after: $after, first: $first) { nodes { ${fields} } eventCursor } }`

type SessionListener = {
  onEvents: (events: ReceivedEvent[], cursor: string) => void
  onSurprise: (surprise: string | null) => void
}

type Session = (
  client: GraphqlClient,
  after: string,
  random: Random,
  listener: SessionListener,
  signal: AbortSignal,
) => Promise<void>

/** Reads a subscription until it breaks or becomes silent, or until a random choice ends it. */
function readStream(transport: 'subscribe' | 'subscribeSse'): Session {
  return async (client, after, random, { onEvents, onSurprise }, signal) => {
    const silent = new AbortController()
    const leave = () => silent.abort()
    let silence = setTimeout(leave, silenceMilliseconds)
    const ended = AbortSignal.any([silent.signal, signal])
    const stream = client[transport]<{ reportRunEvents: ReceivedEvent }>(subscription, { after }, ended)
    try {
      for await (const { data, errors } of stream) {
        clearTimeout(silence)
        silence = setTimeout(leave, silenceMilliseconds)
        onSurprise(surpriseIn(errors))
        if (!data) return
        onEvents([data.reportRunEvents], data.reportRunEvents.cursor)
        if (random.chance(0.005)) return
      }
    } finally {
      clearTimeout(silence)
    }
  }
}

const poll: Session = async (client, after, random, { onEvents, onSurprise }, signal) => {
  let cursor = after
  while (!signal.aborted) {
    const { data, errors } = await client.execute<{
      reportRunEvents: { nodes: ReceivedEvent[]; eventCursor: string }
    }>(query, { after: cursor, first: random.between(1, 100) })
    onSurprise(surpriseIn(errors))
    if (!data) return
    cursor = data.reportRunEvents.eventCursor
    onEvents(data.reportRunEvents.nodes, cursor)
    await delay(random.between(20, 400), undefined, { signal })
  }
}

const sessions: Record<string, Session> = {
  WebSocket: readStream('subscribe'),
  SSE: readStream('subscribeSse'),
  polling: poll,
}
export const transports = Object.keys(sessions)

/** Starts a client that keeps its cursor and reconnects through any gateway whenever its connection is lost. */
export function startWatcher(transport: string, options: WatcherOptions): Watcher {
  const { account, key, urls, isBehindProxy, random } = options
  const session = sessions[transport]
  if (!session) throw new Error(`There is no transport ${transport}.`)
  const history: ReceivedEvent[] = []
  const surprises: string[] = []
  const onSurprise = (surprise: string | null): void => {
    if (surprise !== null) surprises.push(`${transport}: ${surprise}`)
  }
  const stopping = new AbortController()
  let cursor = options.cursor
  let sessionsStarted = 0

  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      sessionsStarted++
      const client = createGraphqlClient(random.pick(urls), key)
      const onEvents = (events: ReceivedEvent[], next: string): void => {
        history.push(...events)
        cursor = next
      }
      try {
        await session(client, cursor, random, { onEvents, onSurprise }, stopping.signal)
      } catch (error) {
        // After any error it reconnects with its cursor.
        if (!stopping.signal.aborted) onSurprise(surpriseOf(error, isBehindProxy))
      }
      await delay(random.between(10, 300), undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const watching = watch()
  return {
    name: `${transport} of ${account}`,
    account,
    history,
    surprises,
    reconnects: () => sessionsStarted - 1,
    stop: async () => {
      stopping.abort()
      await watching
    },
  }
}
