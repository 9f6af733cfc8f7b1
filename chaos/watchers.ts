import { setTimeout as delay } from 'node:timers/promises'
import { createGraphqlClient, type GraphqlClient } from '../test/support/graphql-client.ts'
import type { Random } from './random.ts'
import { surpriseIn, surpriseOf } from './surprises.ts'

/** What a client was told, as it was told. */
export type Told = {
  __typename: string
  cursor: string
  run: { id: string; version: number } | null
  progress?: { percent: number | null }
}

export type Watcher = {
  name: string
  account: string
  /** Everything it was told, in order. */
  history: Told[]
  /** What it was told that no client should be told. */
  surprises: string[]
  /** How often it had to connect again. */
  reconnects(): number
  /** Ends it; what it was told stays. */
  stop(): Promise<void>
}

export type WatcherOptions = {
  account: string
  key: string
  /** Where gateways can be reached. */
  urls: readonly string[]
  /** Where it begins. */
  cursor: string
  random: Random
}

/** Of a healthy stream at most this long is nothing heard while there is something to tell. */
const silenceMilliseconds = 4_000
const fields = '__typename cursor run { id version } ... on ReportRunProgressed { progress { percent } }'
const subscription = `subscription ($after: EventCursor) {
  reportRunEvents(after: $after, progressInterval: "PT0.3S") { ${fields} } }`
const query = `query ($after: EventCursor, $first: Int) {
  reportRunEvents(after: $after, first: $first) { nodes { ${fields} } eventCursor } }`

type Ear = {
  onTold: (told: Told[], cursor: string) => void
  onSurprise: (surprise: string | null) => void
}

type Session = (
  client: GraphqlClient,
  after: string,
  random: Random,
  ear: Ear,
  signal: AbortSignal,
) => Promise<void>

/** Reads a subscription until it breaks, falls silent, or is left for no reason at all. */
function readStream(transport: 'subscribe' | 'subscribeSse'): Session {
  return async (client, after, random, { onTold, onSurprise }, signal) => {
    const silent = new AbortController()
    const leave = () => silent.abort()
    let silence = setTimeout(leave, silenceMilliseconds)
    const ended = AbortSignal.any([silent.signal, signal])
    const stream = client[transport]<{ reportRunEvents: Told }>(subscription, { after }, ended)
    try {
      for await (const { data, errors } of stream) {
        clearTimeout(silence)
        silence = setTimeout(leave, silenceMilliseconds)
        onSurprise(surpriseIn(errors))
        if (!data) return
        onTold([data.reportRunEvents], data.reportRunEvents.cursor)
        if (random.chance(0.005)) return
      }
    } finally {
      clearTimeout(silence)
    }
  }
}

const poll: Session = async (client, after, random, { onTold, onSurprise }, signal) => {
  let cursor = after
  while (!signal.aborted) {
    const { data, errors } = await client.execute<{
      reportRunEvents: { nodes: Told[]; eventCursor: string }
    }>(query, { after: cursor, first: random.between(1, 100) })
    onSurprise(surpriseIn(errors))
    if (!data) return
    cursor = data.reportRunEvents.eventCursor
    onTold(data.reportRunEvents.nodes, cursor)
    await delay(random.between(20, 400), undefined, { signal })
  }
}

const sessions: Record<string, Session> = {
  WebSocket: readStream('subscribe'),
  SSE: readStream('subscribeSse'),
  polling: poll,
}
export const transports = Object.keys(sessions)

/** A client that keeps its cursor and comes again through any gateway whenever its connection is gone. */
export function startWatcher(transport: string, options: WatcherOptions): Watcher {
  const { account, key, urls, random } = options
  const session = sessions[transport]
  if (!session) throw new Error(`There is no transport ${transport}.`)
  const history: Told[] = []
  const surprises: string[] = []
  const onSurprise = (surprise: string | null): void => {
    if (surprise !== null) surprises.push(`${transport}: ${surprise}`)
  }
  const stopping = new AbortController()
  let cursor = options.cursor
  let sessionsBegun = 0

  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      sessionsBegun++
      const client = createGraphqlClient(random.pick(urls), key)
      const onTold = (told: Told[], next: string): void => {
        history.push(...told)
        cursor = next
      }
      try {
        await session(client, cursor, random, { onTold, onSurprise }, stopping.signal)
      } catch (error) {
        // Whatever it was, it comes again with its cursor.
        if (!stopping.signal.aborted) onSurprise(surpriseOf(error))
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
    reconnects: () => sessionsBegun - 1,
    stop: async () => {
      stopping.abort()
      await watching
    },
  }
}
